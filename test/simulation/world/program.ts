/**
 * The job under test: numbers from splits that an enumerator hands out, a shuffle, counts and event-time sums per key, and a
 * two-phase-commit sink; or, without the shuffle, parallel pipelines that fail one by one. What comes out once and only once is
 * known without running it.
 */

import type { RecordedJob } from '../../../src/api/executor.ts';
import type { CheckpointedFunction, CheckpointListener, Collector, FunctionSnapshotContext } from '../../../src/api/functions.ts';
import { KeyedProcessFunction } from '../../../src/api/rich-functions.ts';
import type { ReaderOutput, Source, SourceReader, SourceReaderContext, SourceSplit } from '../../../src/api/source.ts';
import type { MapState, ValueState } from '../../../src/api/state.ts';
import { MapStateDescriptor, ValueStateDescriptor } from '../../../src/api/state-descriptors.ts';
import { StreamExecutionEnvironment } from '../../../src/api/stream-execution-environment.ts';
import { TwoPhaseCommitSinkFunction } from '../../../src/api/two-phase-commit-sink-function.ts';
import { WatermarkStrategy } from '../../../src/api/watermark-strategy.ts';
import { StaticSplitEnumerator } from '../../../src/connectors/static-splits.ts';

export interface ProgramPlan {
  readonly shape: 'keyed' | 'pipelines';
  readonly splits: number;
  readonly perSplit: number;
  readonly keys: number;
  readonly parallelism: { readonly source: number; readonly middle: number; readonly keyed: number; readonly sink: number };
  readonly configuration: Readonly<Record<string, string>>;
}

/** What the program's functions may do to the world around them. */
export interface Surroundings {
  readonly transactions: Transactions;
  /** Calls back once the source may go on. */
  rest(wake: () => void): void;
  /** How many records a reader emits now. */
  burst(): number;
  /** Throws now and then. */
  mayFail(where: string): void;
  /** A record was let into a snapshot that it belongs behind. */
  misaligned(text: string): void;
  /** A function was told that a checkpoint is complete. */
  notified(checkpointId: number, isRight: boolean): void;
}

export interface Transactions {
  begin(): number;
  write(transaction: number, value: unknown): void;
  preCommitted(transaction: number, checkpointId: number): void;
  commit(transaction: number): void;
  abort(transaction: number): void;
}

interface Numbered {
  readonly id: number;
  readonly key: number;
  readonly at: number;
  /** The last checkpoint that the reader took part in before it emitted this. */
  readonly behind: number;
}

interface Split extends SourceSplit {
  readonly next: number;
  readonly end: number;
}

const bucketMs = 100;

export function recordProgram(plan: ProgramPlan, surroundings: Surroundings): RecordedJob {
  let recorded: RecordedJob | undefined;
  const unused = async (): Promise<never> => Promise.reject(new Error('not here'));
  const env = StreamExecutionEnvironment.withExecutor({
    configuration: plan.configuration,
    collect: () => {
      throw new Error('not here');
    },
    once: unused,
    executeAsync: unused,
    execute: async (job) => {
      recorded = job;
      return { jobId: '', netRuntimeMs: 0, accumulators: {} };
    },
  });
  build(env, plan, surroundings);
  void env.execute();
  return recorded as unknown as RecordedJob;
}

function build(env: StreamExecutionEnvironment, plan: ProgramPlan, surroundings: Surroundings): void {
  const { parallelism } = plan;
  const numbers = env
    .fromSource(
      new NumberSource(plan, surroundings),
      WatermarkStrategy.forMonotonousTimestamps<Numbered>().withTimestampAssigner(({ at }) => at),
      'numbers',
    )
    .setParallelism(parallelism.source)
    .uid('numbers');
  const sink = (): TransactionSink => new TransactionSink(surroundings.transactions);
  if (plan.shape === 'pipelines') {
    numbers
      .map((record) => {
        surroundings.mayFail('map');
        return { kind: 'number', id: record.id };
      })
      .setParallelism(parallelism.source)
      .disableChaining()
      .addSink(sink())
      .setParallelism(parallelism.source)
      .uid('sink');
    return;
  }
  numbers
    .rebalance()
    .map((record) => {
      surroundings.mayFail('map');
      return record;
    })
    .setParallelism(parallelism.middle)
    .keyBy((record) => record.key)
    .process(new CountAndSum(surroundings))
    .setParallelism(parallelism.keyed)
    .uid('count')
    .addSink(sink())
    .setParallelism(parallelism.sink)
    .uid('sink');
}

/** What a job that lost and repeated nothing has committed, in order. */
export function expectedOutput(plan: ProgramPlan): string[] {
  const ids = Array.from({ length: plan.splits * plan.perSplit }, (_, id) => id);
  if (plan.shape === 'pipelines') return ids.map((id) => `number ${id}`).sort();
  const expected: string[] = ids.map((id) => `counted ${id}`);
  const counts = new Map<number, number>();
  const sums = new Map<string, number>();
  for (const id of ids) {
    const { key, at } = numbered(plan, id);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    expected.push(`count ${key} ${count}`);
    const bucket = `${key} ${Math.floor(at / bucketMs)}`;
    sums.set(bucket, (sums.get(bucket) ?? 0) + id);
  }
  for (const [bucket, sum] of sums) expected.push(`sum ${bucket} ${sum}`);
  return expected.sort();
}

/** The same form, from what was committed. A bucket may have been emitted in parts: late records fire anew. */
export function summarize(committed: readonly unknown[]): string[] {
  const lines: string[] = [];
  const sums = new Map<string, number>();
  for (const record of committed as readonly Record<string, unknown>[]) {
    if (record['kind'] === 'number') lines.push(`number ${record['id']}`);
    else if (record['kind'] === 'count') lines.push(`counted ${record['id']}`, `count ${record['key']} ${record['count']}`);
    else {
      const bucket = `${record['key']} ${record['bucket']}`;
      sums.set(bucket, (sums.get(bucket) ?? 0) + (record['sum'] as number));
    }
  }
  for (const [bucket, sum] of sums) lines.push(`sum ${bucket} ${sum}`);
  return lines.sort();
}

function numbered(plan: ProgramPlan, id: number): Omit<Numbered, 'behind'> {
  return { id, key: (id * 7) % plan.keys, at: (id % plan.perSplit) * 10 };
}

class NumberSource implements Source<Numbered, Split, Split[]> {
  readonly boundedness = 'BOUNDED';
  readonly #plan: ProgramPlan;
  readonly #surroundings: Surroundings;

  constructor(plan: ProgramPlan, surroundings: Surroundings) {
    this.#plan = plan;
    this.#surroundings = surroundings;
  }

  createEnumerator(...[context, checkpoint]: Parameters<Source<Numbered, Split, Split[]>['createEnumerator']>) {
    const { splits, perSplit } = this.#plan;
    const all = Array.from({ length: splits }, (_, split) => ({
      splitId: String(split),
      next: split * perSplit,
      end: (split + 1) * perSplit,
    }));
    return new StaticSplitEnumerator<Split>(context, checkpoint ?? all);
  }

  createReader(context: SourceReaderContext): SourceReader<Numbered, Split> {
    return new NumberReader(context, this.#plan, this.#surroundings);
  }
}

class NumberReader implements SourceReader<Numbered, Split> {
  readonly #context: SourceReaderContext;
  readonly #plan: ProgramPlan;
  readonly #surroundings: Surroundings;
  readonly #splits: Split[] = [];
  #snapshot = -1;
  #requested = false;
  #noMore = false;
  #resting = false;
  #wake: () => void = () => {};

  constructor(context: SourceReaderContext, plan: ProgramPlan, surroundings: Surroundings) {
    this.#context = context;
    this.#plan = plan;
    this.#surroundings = surroundings;
  }

  start(): void {}

  pollNext(output: ReaderOutput<Numbered>): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    if (this.#resting) return 'NOTHING_AVAILABLE';
    const split = this.#splits[0];
    if (!split) {
      if (this.#noMore) return 'END_OF_INPUT';
      if (!this.#requested) this.#context.sendSplitRequest();
      this.#requested = true;
      return 'NOTHING_AVAILABLE';
    }
    let { next } = split;
    for (let left = this.#surroundings.burst(); left > 0 && next < split.end && !output.isFull; left--)
      output.collect({ ...numbered(this.#plan, next++), behind: this.#snapshot });
    if (next === split.end) this.#splits.shift();
    else this.#splits[0] = { ...split, next };
    this.#resting = true;
    this.#surroundings.rest(() => {
      this.#resting = false;
      this.#wake();
    });
    return 'NOTHING_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (!this.#resting && (this.#splits.length > 0 || this.#noMore)) resolve();
    });
  }

  addSplits(splits: readonly Split[]): void {
    this.#splits.push(...splits);
    this.#requested = false;
    this.#wake();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake();
  }

  snapshotState(checkpointId: number): Split[] {
    this.#snapshot = checkpointId;
    return [...this.#splits];
  }
}

class CountAndSum extends KeyedProcessFunction<number, Numbered, unknown> implements CheckpointedFunction, CheckpointListener {
  readonly #surroundings: Surroundings;
  #count!: ValueState<number>;
  #sums!: MapState<number, number>;
  #behind = -1;
  readonly #snapshots = new Set<number>();
  #completed = -1;

  constructor(surroundings: Surroundings) {
    super();
    this.#surroundings = surroundings;
  }

  initializeState(): void {}

  override open(): void {
    this.#count = this.getRuntimeContext().getState(new ValueStateDescriptor<number>('count'));
    this.#sums = this.getRuntimeContext().getMapState(new MapStateDescriptor<number, number>('sums'));
  }

  override processElement(
    record: Numbered,
    context: Parameters<KeyedProcessFunction<number, Numbered, unknown>['processElement']>[1],
    out: Collector<unknown>,
  ): void {
    this.#surroundings.mayFail('count');
    this.#behind = Math.max(this.#behind, record.behind);
    const count = (this.#count.value() ?? 0) + 1;
    this.#count.update(count);
    const bucket = Math.floor(record.at / bucketMs);
    this.#sums.put(bucket, (this.#sums.get(bucket) ?? 0) + record.id);
    context.timerService().registerEventTimeTimer((bucket + 1) * bucketMs - 1);
    out.collect({ kind: 'count', key: record.key, count, id: record.id });
  }

  override onTimer(
    timestamp: number,
    context: Parameters<NonNullable<KeyedProcessFunction<number, Numbered, unknown>['onTimer']>>[1],
    out: Collector<unknown>,
  ): void {
    const bucket = Math.floor(timestamp / bucketMs);
    const sum = this.#sums.get(bucket);
    if (sum === null || sum === undefined) return;
    this.#sums.remove(bucket);
    out.collect({ kind: 'sum', key: context.getCurrentKey(), bucket, sum });
  }

  snapshotState(context: FunctionSnapshotContext): void {
    const id = context.getCheckpointId();
    this.#snapshots.add(id);
    if (this.#behind >= id) this.#surroundings.misaligned(`a record behind barrier ${this.#behind} is in the snapshot of checkpoint ${id}`);
  }

  /** Once for each, in order, and only for what it took part in. */
  notifyCheckpointComplete(checkpointId: number): void {
    this.#surroundings.notified(checkpointId, this.#snapshots.has(checkpointId) && checkpointId > this.#completed);
    this.#completed = checkpointId;
  }
}

class TransactionSink extends TwoPhaseCommitSinkFunction<unknown, number> {
  readonly #transactions: Transactions;

  constructor(transactions: Transactions) {
    super();
    this.#transactions = transactions;
  }

  override invoke(transaction: number, value: unknown): void {
    this.#transactions.write(transaction, value);
  }

  override async snapshotState(context: FunctionSnapshotContext): Promise<void> {
    const transaction = this.currentTransaction();
    if (transaction !== undefined) this.#transactions.preCommitted(transaction, context.getCheckpointId());
    await super.snapshotState(context);
  }

  protected override beginTransaction(): number {
    return this.#transactions.begin();
  }

  protected override preCommit(): void {}

  protected override commit(transaction: number): void {
    this.#transactions.commit(transaction);
  }

  protected override abort(transaction: number): void {
    this.#transactions.abort(transaction);
  }
}
