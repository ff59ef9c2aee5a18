/**
 * The job that the chaos oracle torments: every kind of state, two shuffles and a broadcast, event-time timers, and two
 * exactly-once file sinks. What it commits does not depend on timing, parallelism or failures, so that `expected.ts` can say it
 * without an engine.
 *
 *     flink run program.ts --ranges 3 --stages 3 --per-split 400 --rps 900 --gate FILE --output DIR
 *
 * Towards its end it reads on slowly until the gate's file is there: as long as faults are to come, there are records.
 */
import { existsSync } from 'node:fs';
import {
  BasePathBucketAssigner,
  type BroadcastState,
  type CheckpointedFunction,
  type CoFlatMapFunction,
  type Collector,
  DataGeneratorSource,
  DefaultRollingPolicy,
  FileSink,
  type FunctionInitializationContext,
  type InputStatus,
  type ListState,
  type MapFunction,
  OnCheckpointRollingPolicy,
  OutputTag,
  ParameterTool,
  RateLimiterStrategy,
  type ReaderOutput,
  type RuntimeContext,
  type Source,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
  type SplitEnumeratorContext,
  StreamExecutionEnvironment,
  state,
  WatermarkStrategy,
} from 'weir';
import { keyOf, partsOfRule, recordValue, ruleOf, rules, ruleValue, timeOf, windowMs } from './records.ts';

export interface ChaosParameters {
  /** Subtasks of every step. */
  readonly ranges: number;
  /** Splits that one reader reads after each other. */
  readonly stages: number;
  readonly perSplit: number;
  readonly recordsPerSecond: number;
  readonly gate: string;
  readonly output: string;
  /** How old an unfinished file may get; 400 by default. */
  readonly rolloverMs?: number | undefined;
}

interface Numbered {
  readonly range: number;
  readonly n: number;
}

export async function main(args: string[]): Promise<void> {
  const given = ParameterTool.fromArgs(args);
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  buildChaosJob(env, {
    ranges: given.getInt('ranges'),
    stages: given.getInt('stages'),
    perSplit: given.getInt('per-split'),
    recordsPerSecond: given.getInt('rps'),
    gate: given.getRequired('gate'),
    output: given.getRequired('output'),
  });
  await env.execute('chaos');
}

export function buildChaosJob(env: StreamExecutionEnvironment, parameters: ChaosParameters): void {
  env.setParallelism(parameters.ranges);
  const perRange = parameters.stages * parameters.perSplit;
  const windows = new OutputTag<string>('windows');
  const counted = env
    .fromSource(
      new RangeSource(parameters),
      WatermarkStrategy.forMonotonousTimestamps<Numbered>().withTimestampAssigner(({ n }) => timeOf(n)),
      'numbers',
    )
    .uid('numbers')
    .map(sequenced())
    .uid('sequence')
    // Another subtask after each restart: only state that all get carries the totals there.
    .partitionCustom(
      (place: number, subtasks) => place % subtasks,
      ({ range, attempt }) => range + attempt,
    )
    .map(totalled())
    .uid('totals')
    .keyBy(({ key }) => key)
    .process({
      state: {
        count: state.value(() => 0),
        recent: state.list<number>(),
        windows: state.map<number, number>(),
        largest: state.reducing<number>(Math.max),
        mean: state.aggregating<number, { sum: number; count: number }, number>(mean),
      },
      processElement({ n, text, value }, context, out: Collector<{ rule: number; line: string }>) {
        const { count, recent, windows: sums, largest, mean: average } = context.state;
        const seen = count.value() + 1;
        count.update(seen);
        recent.add(value);
        const kept = [...recent.get()];
        if (kept.length === 5) recent.clear();
        const end = Math.floor(timeOf(n) / windowMs) * windowMs + windowMs;
        if (!sums.contains(end)) context.timerService().registerEventTimeTimer(end - 1);
        sums.put(end, (sums.get(end) ?? 0) + value);
        largest.add(value);
        average.add(value);
        out.collect({
          rule: ruleOf(n, perRange),
          line: `${text} count=${seen} recent=${kept.join(',')} largest=${largest.get()} mean=${average.get()}`,
        });
      },
      onTimer(timestamp, context) {
        const end = timestamp + 1;
        context.output(windows, `${context.getCurrentKey()} window=${end} sum=${context.state.windows.get(end)}`);
        context.state.windows.remove(end);
      },
    })
    .uid('keyed');
  const ruleSource = new DataGeneratorSource((part) => part, rules * partsOfRule, RateLimiterStrategy.perSecond(1000));
  const inForce = env.fromSource(ruleSource, WatermarkStrategy.noWatermarks(), 'rules').setParallelism(1).uid('rules');
  counted
    .rebalance()
    .connect(inForce.broadcast())
    .flatMap(ruled())
    .uid('ruled')
    .sinkTo(keptOpen(`${parameters.output}/records`, parameters.rolloverMs ?? 400))
    .uid('files');
  counted
    .getSideOutput(windows)
    .sinkTo(perCheckpoint(`${parameters.output}/windows`))
    .uid('window files');
}

const mean = {
  createAccumulator: () => ({ sum: 0, count: 0 }),
  add: (value: number, { sum, count }: { sum: number; count: number }) => ({ sum: sum + value, count: count + 1 }),
  getResult: ({ sum, count }: { sum: number; count: number }) => Math.floor((100 * sum) / count),
};

/** Unfinished over some checkpoints: a restart goes on with them. */
function keptOpen(path: string, rolloverInterval: number): FileSink<string> {
  return FileSink.forRowFormat<string>(path)
    .withBucketAssigner(new BasePathBucketAssigner())
    .withRollingPolicy(new DefaultRollingPolicy({ maxPartSize: 24 * 1024, rolloverInterval, inactivityInterval: '1 h' }))
    .build();
}

function perCheckpoint(path: string): FileSink<string> {
  return FileSink.forRowFormat<string>(path)
    .withBucketAssigner(new BasePathBucketAssigner())
    .withRollingPolicy(new OnCheckpointRollingPolicy())
    .build();
}

type Own<F, S> = F & CheckpointedFunction & S & { open?(context: RuntimeContext): void };

interface RangeCount {
  readonly range: number;
  readonly count: number;
}

interface Counts {
  stored: ListState<RangeCount>;
  counts: Map<number, number>;
}

/** Counts the records of each range in operator list state: they stay with the reader in front. */
function sequenced(): Own<MapFunction<Numbered, Numbered & { seq: number; attempt: number }>, Partial<Counts> & { attempt?: number }> {
  return {
    open(context) {
      this.attempt = context.getAttemptNumber();
    },
    initializeState(context) {
      this.stored = context.getOperatorStateStore().getListState<RangeCount>({ kind: 'list', name: 'sequence' });
      this.counts = new Map([...this.stored.get()].map(({ range, count }) => [range, count]));
    },
    snapshotState() {
      store(this as Counts);
    },
    map({ range, n }) {
      const seq = counted(this as Counts, range);
      return { range, n, seq, attempt: this.attempt as number };
    },
  };
}

/** Counts the records of each range in union state: whoever gets them next finds how many there were. */
function totalled(): Own<
  MapFunction<Numbered & { seq: number }, { key: string; n: number; value: number; text: string }>,
  Partial<Counts>
> {
  return {
    initializeState(context: FunctionInitializationContext) {
      this.stored = context.getOperatorStateStore().getUnionListState<RangeCount>({ kind: 'list', name: 'totals' });
      this.counts = new Map();
      for (const { range, count } of this.stored.get()) this.counts.set(range, Math.max(count, this.counts.get(range) ?? 0));
    },
    snapshotState() {
      store(this as Counts);
    },
    map({ range, n, seq }) {
      const total = counted(this as Counts, range);
      const key = keyOf(range, n);
      return { key, n, value: recordValue(range, n), text: `${key} n=${n} seq=${seq} total=${total}` };
    },
  };
}

function counted({ counts }: Counts, range: number): number {
  const count = (counts.get(range) ?? 0) + 1;
  counts.set(range, count);
  return count;
}

function store({ stored, counts }: Counts): void {
  stored.update([...counts].map(([range, count]) => ({ range, count })));
}

interface Ruled {
  /** How many parts of each rule have come. */
  parts: BroadcastState<number, number>;
  stored: ListState<{ rule: number; line: string }>;
  waiting: { rule: number; line: string }[];
}

/** Lines wait in operator list state until all parts of their rule have been counted, in broadcast state. */
function ruled(): Own<CoFlatMapFunction<{ rule: number; line: string }, number, string>, Partial<Ruled>> {
  return {
    initializeState(context: FunctionInitializationContext) {
      const operatorState = context.getOperatorStateStore();
      this.parts = operatorState.getBroadcastState<number, number>({ kind: 'map', name: 'rules' });
      this.stored = operatorState.getListState<{ rule: number; line: string }>({ kind: 'list', name: 'waiting' });
      this.waiting = [...this.stored.get()];
    },
    snapshotState() {
      (this as Ruled).stored.update((this as Ruled).waiting);
    },
    flatMap1({ rule, line }, out) {
      const parts = (this as Ruled).parts.get(rule) ?? 0;
      if (parts < partsOfRule) (this as Ruled).waiting.push({ rule, line });
      else out.collect(`${line} rule=${ruleValue(rule, parts)}`);
    },
    flatMap2(part, out) {
      const own = this as Ruled;
      const rule = Math.floor(part / partsOfRule);
      const parts = (own.parts.get(rule) ?? 0) + 1;
      own.parts.put(rule, parts);
      if (parts < partsOfRule) return;
      for (const { line } of own.waiting.filter((waiting) => waiting.rule === rule)) out.collect(`${line} rule=${ruleValue(rule, parts)}`);
      own.waiting = own.waiting.filter((waiting) => waiting.rule !== rule);
    },
  };
}

interface RangeSplit {
  readonly splitId: string;
  readonly range: number;
  readonly next: number;
  readonly end: number;
}

/** Each reader reads the splits of its range in order: the records of a range come in order, whatever was restarted. */
class RangeSource implements Source<Numbered, RangeSplit, RangeSplit[]> {
  readonly boundedness = 'BOUNDED';
  readonly #parameters: ChaosParameters;

  constructor(parameters: ChaosParameters) {
    this.#parameters = parameters;
  }

  createEnumerator(context: SplitEnumeratorContext<RangeSplit>, checkpoint?: RangeSplit[]): SplitEnumerator<RangeSplit, RangeSplit[]> {
    const { ranges, stages, perSplit } = this.#parameters;
    const all = Array.from({ length: ranges * stages }, (_, index): RangeSplit => {
      const stage = Math.floor(index / ranges);
      return { splitId: String(index), range: index % ranges, next: stage * perSplit, end: (stage + 1) * perSplit };
    });
    const waiting = [...(checkpoint ?? all)];
    return {
      start() {},
      handleSplitRequest(subtaskIndex) {
        const at = waiting.findIndex(({ range }) => range % context.currentParallelism() === subtaskIndex);
        if (at < 0) context.signalNoMoreSplits(subtaskIndex);
        else context.assignSplit(waiting.splice(at, 1)[0] as RangeSplit, subtaskIndex);
      },
      addSplitsBack(splits) {
        waiting.push(...splits);
        waiting.sort((a, b) => a.next - b.next);
      },
      addReader() {},
      snapshotState: () => [...waiting],
    };
  }

  createReader(context: SourceReaderContext): SourceReader<Numbered, RangeSplit> {
    return new RangeReader(context, this.#parameters);
  }
}

/** Records a second while the gate is shut. */
const slowly = 5;

class RangeReader implements SourceReader<Numbered, RangeSplit> {
  readonly #context: SourceReaderContext;
  readonly #parameters: ChaosParameters;
  readonly #splits: RangeSplit[] = [];
  #isOpen = false;
  #requested = false;
  #noMore = false;
  #due = performance.now();
  #wake: () => void = () => {};

  constructor(context: SourceReaderContext, parameters: ChaosParameters) {
    this.#context = context;
    this.#parameters = parameters;
  }

  start(): void {}

  pollNext(output: ReaderOutput<Numbered>): InputStatus {
    const split = this.#splits[0];
    if (!split) {
      if (this.#noMore) return 'END_OF_INPUT';
      if (!this.#requested) this.#context.sendSplitRequest();
      this.#requested = true;
      return 'NOTHING_AVAILABLE';
    }
    const now = performance.now();
    let { next } = split;
    for (; next < split.end && this.#due <= now && !output.isFull; next++) {
      output.collect({ range: split.range, n: next });
      this.#due = Math.max(this.#due, now - 50) + this.#pauseMs(next);
    }
    if (next === split.end) this.#splits.shift();
    else this.#splits[0] = { ...split, next };
    return this.#due > now ? 'NOTHING_AVAILABLE' : 'MORE_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    if (!this.#splits[0] && !this.#noMore)
      return new Promise((resolve) => {
        this.#wake = resolve;
      });
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, this.#due - performance.now())));
  }

  addSplits(splits: readonly RangeSplit[]): void {
    this.#splits.push(...splits);
    this.#requested = false;
    this.#wake();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake();
  }

  snapshotState(): RangeSplit[] {
    return [...this.#splits];
  }

  #pauseMs(next: number): number {
    const { stages, perSplit, recordsPerSecond, ranges, gate } = this.#parameters;
    if (next < stages * perSplit * 0.6) return (1000 * ranges) / recordsPerSecond;
    this.#isOpen ||= existsSync(gate);
    return this.#isOpen ? (100 * ranges) / recordsPerSecond : 1000 / slowly;
  }
}
