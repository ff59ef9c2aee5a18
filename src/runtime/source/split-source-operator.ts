/** A source of splits (FLIP-27): runs one reader, asks its coordinator for splits, and gives its records their event time. */
// biome-ignore-all lint/suspicious/noExplicitAny: split and record types are the source's own
import type { SourceSpec } from '../../api/operator-specs.ts';
import type { OperatorContext, Output, SourceOperator, StateInitializationContext, StateSnapshotContext } from '../../api/operators.ts';
import type { ReaderOutput, SourceReader, SourceReaderContext, SourceSplit } from '../../api/source.ts';
import type { ListState } from '../../api/state.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { type FusibleOperator, type Fusion, userCall } from '../operators/fusion.ts';
import { SourceWatermarks, type WatermarkTrack } from './source-watermarks.ts';

export class SplitSourceOperator implements SourceOperator, FusibleOperator {
  readonly #spec: SourceSpec;
  #context!: OperatorContext;
  #reader!: SourceReader<unknown, SourceSplit>;
  #output!: SplitOutput;
  #watermarks!: SourceWatermarks;
  #splits!: ListState<SourceSplit>;
  /** How far event time may go, for now. */
  #allowed = Number.POSITIVE_INFINITY;
  #goOn: () => void = () => {};
  #stopReports: () => void = () => {};

  constructor(spec: SourceSpec) {
    this.#spec = spec;
  }

  setup(context: OperatorContext, output: Output): void {
    this.#context = context;
    this.#watermarks = new SourceWatermarks(this.#spec.watermarks, context, output);
    this.#output = new SplitOutput(context, output, this.#watermarks, this.#watermarks.mainTrack, this.#spec.source.recordAt);
  }

  fusion(): Fusion | undefined {
    const { recordAt } = this.#spec.source;
    if (!recordAt) return undefined;
    const { assigner, mainTrack } = this.#watermarks;
    return {
      kind: 'source',
      user: userCall(recordAt, 'recordAt'),
      assigner,
      events: mainTrack && {
        onEvent: (event, timestamp) => mainTrack.onEvent(event, timestamp),
        update: () => this.#watermarks.update(),
        onlyReads: mainTrack.onlyReadsRecords,
      },
      output: this.#output,
    };
  }

  initializeState({ operatorState }: StateInitializationContext): void {
    this.#splits = operatorState.getListState<SourceSplit>({ kind: 'list', name: 'SourceReaderState' });
  }

  async open(): Promise<void> {
    const readerContext: SourceReaderContext = {
      indexOfSubtask: this.#context.subtaskIndex,
      parallelism: this.#context.parallelism,
      configuration: this.#context.configuration,
      sendSplitRequest: () => this.#context.sendEventToCoordinator({ type: 'split-request' }),
      sendSourceEventToCoordinator: (payload) => this.#context.sendEventToCoordinator({ type: 'source-event', payload }),
      signal: this.#context.signal,
    };
    this.#reader = this.#spec.source.createReader(readerContext) as SourceReader<unknown, SourceSplit>;
    const restored = [...this.#splits.get()];
    if (restored.length > 0) this.#reader.addSplits(restored);
    this.#watermarks.start();
    this.#startReports();
    // Before it starts: a reader may ask for splits in `start`, and the coordinator listens to readers that it knows.
    this.#context.sendEventToCoordinator({ type: 'reader-registered' });
    await this.#reader.start();
  }

  emitNext(): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    if (this.#isAhead) return 'NOTHING_AVAILABLE';
    const status = this.#reader.pollNext(this.#output);
    if (status === 'END_OF_INPUT') {
      this.#watermarks.endOfInput();
      this.#stopReports();
      this.#report(undefined);
    }
    return status;
  }

  whenAvailable(): Promise<void> {
    if (!this.#isAhead) return this.#reader.isAvailable();
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  handleOperatorEvent(event: { readonly type: string; readonly payload?: unknown }): void {
    if (event.type === 'add-splits') this.#reader.addSplits(event.payload as SourceSplit[]);
    else if (event.type === 'no-more-splits') this.#reader.notifyNoMoreSplits();
    else if (event.type === 'watermark-alignment') this.#allow((event.payload as number | null | undefined) ?? Number.POSITIVE_INFINITY);
    else this.#reader.handleSourceEvent?.(event.payload);
  }

  /** Further than the other sources of its group allow. */
  get #isAhead(): boolean {
    return (this.#watermarks.current ?? Number.NEGATIVE_INFINITY) > this.#allowed;
  }

  #allow(watermark: number): void {
    this.#allowed = watermark;
    this.#watermarks.isHeld = this.#isAhead;
    if (!this.#isAhead) this.#goOn();
  }

  #startReports(): void {
    const alignment = this.#spec.watermarks.alignment;
    if (!alignment) return;
    const next = (): void => {
      const at = this.#context.currentProcessingTime() + alignment.intervalMs;
      this.#stopReports = this.#context.registerProcessingTimer(at, () => {
        this.#report(this.#watermarks.current);
        next();
      });
    };
    next();
  }

  #report(watermark: number | undefined): void {
    if (this.#spec.watermarks.alignment) this.#context.sendEventToCoordinator({ type: 'watermark-report', payload: watermark });
  }

  snapshotState({ checkpointId }: StateSnapshotContext): void {
    this.#splits.update(this.#reader.snapshotState(checkpointId));
  }

  notifyCheckpointComplete(checkpointId: number): void | Promise<void> {
    return this.#reader.notifyCheckpointComplete?.(checkpointId);
  }

  processWatermark(timestamp: number): void {
    this.#watermarks.finish(timestamp);
  }

  async close(): Promise<void> {
    this.#watermarks?.stop();
    this.#stopReports();
    this.#goOn();
    await this.#reader?.close?.();
  }
}

class SplitOutput implements ReaderOutput<unknown> {
  /** Replaced by code of its own where the chain is generated. */
  collectRange: (from: number, end: number) => number;
  readonly #context: OperatorContext;
  readonly #downstream: Output;
  readonly #watermarks: SourceWatermarks;
  readonly track: WatermarkTrack | undefined;
  readonly #assign: ((event: unknown, recordTimestamp: number) => number) | undefined;
  readonly #recordAt: ((index: number) => unknown) | undefined;
  readonly #splits = new Map<string, SplitOutput>();

  constructor(
    context: OperatorContext,
    downstream: Output,
    watermarks: SourceWatermarks,
    track: WatermarkTrack | undefined,
    recordAt: ((index: number) => unknown) | undefined,
  ) {
    this.#recordAt = recordAt;
    this.collectRange = (from, end) => this.#collectRange(from, end, recordAt as (index: number) => unknown);
    this.#context = context;
    this.#downstream = downstream;
    this.#watermarks = watermarks;
    this.track = track;
    this.#assign = watermarks.assigner;
  }

  get isFull(): boolean {
    return this.#context.isPaused;
  }

  collect(record: unknown, timestamp: number = MIN_TIMESTAMP): void {
    const assigned = this.#assign ? this.#assign(record, timestamp) : timestamp;
    // The generator looks first: who gets the record may change it. What it says goes out behind the record.
    const advanced = this.track?.onEvent(record, assigned);
    this.#downstream.collect(record, assigned);
    if (advanced) this.#watermarks.update();
  }

  #collectRange(from: number, end: number, recordAt: (index: number) => unknown): number {
    let index = from;
    while (index < end) {
      this.collect(recordAt(index++));
      if (this.isFull) break;
    }
    return index;
  }

  emitWatermark(timestamp: number): void {
    this.#watermarks.setReaderIdle(false);
    this.#watermarks.emit(timestamp);
  }

  markIdle(): void {
    this.#watermarks.setReaderIdle(true);
  }

  markActive(): void {
    this.#watermarks.setReaderIdle(false);
  }

  createOutputForSplit(splitId: string): ReaderOutput<unknown> {
    let output = this.#splits.get(splitId);
    if (!output) {
      output = new SplitOutput(this.#context, this.#downstream, this.#watermarks, this.#watermarks.trackForSplit(), this.#recordAt);
      this.#splits.set(splitId, output);
    }
    return output;
  }

  releaseOutputForSplit(splitId: string): void {
    const output = this.#splits.get(splitId);
    this.#splits.delete(splitId);
    if (output?.track) this.#watermarks.releaseTrack(output.track);
  }
}
