/** The settings of a window that all kinds of windowed streams share, checked as they are given. */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic windows
import { UserError } from '../../shared/errors.ts';
import { type Duration, durationMs } from '../duration.ts';
import type { OutputTagLike } from '../functions.ts';
import type { WindowAssigner } from './assigners.ts';
import type { Evictor } from './evictors.ts';
import { asTrigger, type Trigger, type TriggerFunction } from './trigger.ts';
import { EventTimeTrigger, ProcessingTimeTrigger } from './triggers.ts';
import { checkedAmount } from './window.ts';
import type { WindowContents, WindowForm, WindowSpec } from './window-spec.ts';

export class WindowBuilder {
  readonly assigner: WindowAssigner<any, any>;
  #trigger: Trigger<any, any>;
  #evictor: Evictor<any, any> | undefined;
  #hasDefaultTrigger = true;
  #allowedLatenessMs = 0;
  #lateTag: string | undefined;

  constructor(assigner: WindowAssigner<any, any>) {
    if (typeof (assigner as Partial<WindowAssigner<any, any>> | undefined)?.assignWindows !== 'function') {
      throw new UserError('NOT_A_WINDOW', {
        problem: 'window() wants a window assigner.',
        tryNext: ["TumblingEventTimeWindows.of('10s')", "EventTimeSessionWindows.withGap('1min')", 'GlobalWindows.create()'],
      });
    }
    this.assigner = assigner;
    this.#trigger = assigner.getDefaultTrigger();
  }

  trigger(trigger: TriggerFunction<any, any>): void {
    const checked = asTrigger(trigger);
    if (this.assigner.isMerging && !checked.canMerge()) {
      throw new UserError('TRIGGER_CANNOT_MERGE', {
        problem: 'A merging window assigner (sessions) cannot be used with a trigger that does not support merging.',
        tryNext: ['Give the trigger canMerge() { return true; } and onMerge(window, context).'],
      });
    }
    this.#trigger = checked;
    this.#hasDefaultTrigger = checked.constructor === (this.assigner.isEventTime() ? EventTimeTrigger : ProcessingTimeTrigger);
  }

  evictor(evictor: Evictor<any, any>): void {
    this.#evictor = evictor;
  }

  allowedLateness(lateness: Duration): void {
    this.#allowedLatenessMs = checkedAmount(durationMs(lateness, 'allowedLateness'), 'The allowed lateness', 0);
  }

  sideOutputLateData(tag: OutputTagLike<any>): void {
    if (typeof tag?.id !== 'string') {
      throw new UserError('NOT_A_TAG', { problem: 'sideOutputLateData() wants an output tag.', tryNext: ["new OutputTag<Bid>('late')"] });
    }
    this.#lateTag = tag.id;
  }

  spec(contents: WindowContents, form: WindowForm, userFunction: unknown, sided = false): WindowSpec {
    this.#refuseUnmergeable(contents);
    return {
      type: 'window',
      assigner: this.assigner,
      trigger: this.#trigger,
      evictor: this.#evictor,
      allowedLatenessMs: this.#allowedLatenessMs,
      lateTag: this.#lateTag,
      contents,
      form,
      function: userFunction,
      shared: this.#canShare(contents) ? this.assigner.alignment : undefined,
      plainSessions: this.assigner.growsByGap && this.#hasDefaultTrigger && !this.#evictor,
      sided,
    };
  }

  /** `Window(TumblingEventTimeWindows, EventTimeTrigger)`: what the step is called. */
  get name(): string {
    const parts = [this.assigner, this.#trigger, ...(this.#evictor ? [this.#evictor] : [])];
    return `Window(${parts.map((part) => part.constructor.name).join(', ')})`;
  }

  #canShare(contents: WindowContents): boolean {
    const { alignment } = this.assigner;
    if (!alignment || this.#evictor || !this.#hasDefaultTrigger || alignment.slideMs > alignment.sizeMs) return false;
    return alignment.sizeMs === alignment.slideMs || contents.kind !== 'aggregate' || contents.aggregate.merge !== undefined;
  }

  #refuseUnmergeable(contents: WindowContents): void {
    if (contents.kind !== 'aggregate' || contents.aggregate.merge || this.#evictor) return;
    if (!this.assigner.isMerging) return;
    throw new UserError('AGGREGATE_CANNOT_MERGE', {
      problem: 'aggregate(): the windows merge (sessions), and the aggregate function has no merge(a, b).',
      tryNext: ['Add merge(a, b), which makes one accumulator of two.'],
    });
  }
}
