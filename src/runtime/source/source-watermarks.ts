/**
 * Watermarks of one source subtask: a generator per split (or one for all), combined to their minimum. What a generator says
 * about a record (punctuated watermarks) goes out right behind it, the rest at an interval.
 */
import type { OperatorContext, Output } from '../../api/operators.ts';
import type { WatermarkGenerator, WatermarkOutput, WatermarkStrategySpec } from '../../api/watermark.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { factsOf } from '../operators/function-facts.ts';
import { IdlenessTimer, startWatermarkTicks } from '../time/watermark-ticks.ts';

/** The event time of one split, or of all of them. */
export class WatermarkTrack {
  readonly #generator: WatermarkGenerator<unknown>;
  readonly #idleness: IdlenessTimer;
  readonly #output: WatermarkOutput;
  watermark = MIN_TIMESTAMP;
  idle = false;

  constructor(generator: WatermarkGenerator<unknown>, idlenessMs: number | undefined) {
    this.#generator = generator;
    this.#idleness = new IdlenessTimer(idlenessMs);
    this.#output = {
      emitWatermark: (timestamp) => {
        if (timestamp > this.watermark) this.watermark = timestamp;
        this.idle = false;
      },
      markIdle: () => {
        this.idle = true;
      },
      markActive: () => {
        this.idle = false;
      },
    };
  }

  /** The generator cannot keep a record. */
  get onlyReadsRecords(): boolean {
    return factsOf(this.#generator.onEvent).onlyReads(0);
  }

  /** True when the generator has something to say at once. */
  onEvent(event: unknown, timestamp: number): boolean {
    this.#idleness.activity();
    const { watermark, idle } = this;
    this.idle = false;
    this.#generator.onEvent(event, timestamp, this.#output);
    return this.watermark !== watermark || this.idle !== idle;
  }

  tick(elapsedMs: number): void {
    this.#generator.onPeriodicEmit(this.#output);
    if (this.#idleness.tick(elapsedMs)) this.idle = true;
  }
}

export class SourceWatermarks {
  readonly assigner: ((event: unknown, recordTimestamp: number) => number) | undefined;
  /** Of records that belong to no split; undefined without watermarks. */
  readonly mainTrack: WatermarkTrack | undefined;
  readonly #strategy: WatermarkStrategySpec<unknown>;
  readonly #context: OperatorContext;
  readonly #output: Output;
  /** The source waits for others: its silence is no idleness. */
  isHeld = false;
  readonly #tracks = new Set<WatermarkTrack>();
  #emitted = MIN_TIMESTAMP;
  #idle = false;
  #readerIdle = false;
  #stopTicks: () => void = () => {};

  constructor(strategy: WatermarkStrategySpec<unknown>, context: OperatorContext, output: Output) {
    this.#strategy = strategy;
    this.#context = context;
    this.#output = output;
    this.assigner = strategy.timestampAssigner;
    this.mainTrack = this.#createTrack();
  }

  start(): void {
    if (this.mainTrack) this.#stopTicks = startWatermarkTicks(this.#context, (elapsedMs) => this.#tick(elapsedMs));
  }

  /** What the source has come to; undefined while nothing is to be expected of it. */
  get current(): number | undefined {
    return this.#idle ? undefined : this.#emitted;
  }

  /** Undefined without watermarks. */
  trackForSplit(): WatermarkTrack | undefined {
    // Records come through their splits' outputs from now on: the common one would hold them back for ever.
    if (this.mainTrack) this.#tracks.delete(this.mainTrack);
    return this.#createTrack();
  }

  /** The split is read to its end: what it promised last counts, and no more. */
  releaseTrack(track: WatermarkTrack): void {
    track.tick(0);
    this.update();
    this.#tracks.delete(track);
  }

  /** Says what the tracks have come to. */
  update(): void {
    let minimum = Number.POSITIVE_INFINITY;
    let idle = this.#tracks.size > 0;
    for (const track of this.#tracks) {
      if (track.idle) continue;
      idle = false;
      if (track.watermark < minimum) minimum = track.watermark;
    }
    this.#setIdle(idle || this.#readerIdle);
    if (minimum !== Number.POSITIVE_INFINITY) this.emit(minimum);
  }

  /** A watermark that the reader itself knows. */
  emit(timestamp: number): void {
    if (timestamp <= this.#emitted) return;
    this.#emitted = timestamp;
    this.#output.emitWatermark(timestamp);
  }

  /** The reader says that nothing is to be expected of it for now, or that it is back. */
  setReaderIdle(idle: boolean): void {
    this.#readerIdle = idle;
    this.update();
  }

  /** End of the input: the last periodic watermark. */
  endOfInput(): void {
    this.#tick(0);
  }

  /** The final watermark. */
  finish(timestamp: number): void {
    this.#setIdle(false);
    this.emit(timestamp);
  }

  stop(): void {
    this.#stopTicks();
  }

  #createTrack(): WatermarkTrack | undefined {
    const { createGenerator, idlenessMs } = this.#strategy;
    if (!createGenerator) return undefined;
    const track = new WatermarkTrack(createGenerator(), idlenessMs);
    this.#tracks.add(track);
    return track;
  }

  #tick(elapsedMs: number): void {
    for (const track of this.#tracks) track.tick(this.isHeld ? 0 : elapsedMs);
    this.update();
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.#output.emitWatermarkStatus(idle);
  }
}
