/**
 * Joins the grades of people with their salaries, window by window.
 *
 *     flink run examples/window-join.ts --windowSize 2000 --rate 3
 *     flink run examples/window-join.ts --records 1000 --output pairs
 */
import {
  DataGeneratorSource,
  type DataStream,
  ParameterTool,
  RateLimiterStrategy,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
} from 'weir';

export interface Grade {
  readonly name: string;
  readonly grade: number;
  readonly at: number;
}

export interface Salary {
  readonly name: string;
  readonly salary: number;
  readonly at: number;
}

const names = ['tom', 'jerry', 'alice', 'bob', 'john', 'grace'] as const;
const firstAt = Date.UTC(2026, 0, 1);

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const windowMs = parameters.getLong('windowSize', 2000);
  const perSecond = parameters.getDouble('rate', 3);
  const records = parameters.getLong('records', Number.MAX_SAFE_INTEGER);
  const rate = parameters.has('records') && !parameters.has('rate') ? RateLimiterStrategy.noOp() : RateLimiterStrategy.perSecond(perSecond);

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const grades = env.fromSource(new DataGeneratorSource((index) => gradeAt(index, perSecond), records, rate), byTime<Grade>(), 'grades');
  const salaries = env.fromSource(
    new DataGeneratorSource((index) => salaryAt(index, perSecond), records, rate),
    byTime<Salary>(),
    'salaries',
  );

  const lines = joinedWithin(grades, salaries, windowMs).map(([name, grade, salary]) => `(${name},${grade},${salary})`);
  const output = parameters.get('output');
  if (output === undefined) lines.print();
  else lines.writeAsText(output);
  await env.execute('Windowed Join Example');
}

function joinedWithin(grades: DataStream<Grade>, salaries: DataStream<Salary>, windowMs: number) {
  return grades
    .join(salaries)
    .where('name')
    .equalTo('name')
    .window(TumblingEventTimeWindows.of(windowMs))
    .apply(({ name, grade }, { salary }): [string, number, number] => [name, grade, salary]);
}

function byTime<T extends { readonly at: number }>(): WatermarkStrategy<T> {
  return WatermarkStrategy.forBoundedOutOfOrderness<T>('1s').withTimestampAssigner(({ at }) => at);
}

/** Spread, but the same in every run. */
function drawn(index: number, salt: number): number {
  return Math.imul(index + salt, 0x9e3779b1) >>> 16;
}

export function gradeAt(index: number, perSecond: number): Grade {
  const at = firstAt + Math.floor((index * 1000) / perSecond);
  return { name: names[drawn(index, 1) % names.length] as string, grade: (drawn(index, 2) % 5) + 1, at };
}

export function salaryAt(index: number, perSecond: number): Salary {
  const at = firstAt + Math.floor((index * 1000) / perSecond);
  return { name: names[drawn(index, 3) % names.length] as string, salary: (drawn(index, 4) % 10_000) + 1, at };
}

if (import.meta.main) await main(process.argv.slice(2));
