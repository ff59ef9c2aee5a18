/** The same graph over plain arrays. */
import type { KeyedNode, Plan, PlanNode, SourceNode, StatelessNode, Stream } from './plan.ts';
import { canonical, type Rec, randomRecords, type TimedRecord } from './records.ts';
import {
  type Aggregate,
  aggregated,
  copies,
  copy,
  goesToMain,
  goesToSide,
  isLarge,
  kept,
  keyOf,
  largeResult,
  mapped,
  rollingResult,
  windowEnd,
  windowResult,
} from './steps.ts';

/** One line for each record of each output, sorted. */
export function expectedOutput(plan: Plan): string[] {
  const streams = new Map<string, readonly TimedRecord[]>();
  const nameOf = ({ node, side }: Stream): string => `${node}${side ? ' side' : ''}`;
  plan.nodes.forEach((node, index) => {
    const inputs = node.kind === 'source' ? [] : node.inputs.map((input) => streams.get(nameOf(input)) ?? []);
    const { main, side } = evaluate(node, inputs);
    streams.set(nameOf({ node: index, side: false }), main);
    streams.set(nameOf({ node: index, side: true }), side);
  });
  return plan.outputs.flatMap((stream, output) => (streams.get(nameOf(stream)) ?? []).map(({ value }) => line(output, value))).sort();
}

export function line(output: number, value: unknown): string {
  return `${output} ${canonical(value)}`;
}

interface Results {
  readonly main: readonly TimedRecord[];
  readonly side: readonly TimedRecord[];
}

function evaluate(node: PlanNode, inputs: readonly (readonly TimedRecord[])[]): Results {
  switch (node.kind) {
    case 'source':
      return { main: sourceRecords(node), side: [] };
    case 'rolling':
      return { main: rolling(node, inputs.flat()), side: [] };
    case 'window':
    case 'co-window':
      return windows(node, inputs);
    default:
      return stateless(node, inputs);
  }
}

export function sourceRecords(node: SourceNode): TimedRecord[] {
  return randomRecords(node.salt, node.records, node.disorder);
}

function stateless(node: StatelessNode, inputs: readonly (readonly TimedRecord[])[]): Results {
  const times = node.via === 'broadcast' ? node.parallelism : 1;
  const arriving = inputs.map((input) => Array.from({ length: times }, () => input).flat());
  const all = arriving.flat();
  const each = (records: readonly TimedRecord[], change: (value: Rec) => readonly Rec[]): TimedRecord[] =>
    records.flatMap(({ value, time }) => change(value).map((changed) => ({ value: changed, time })));
  const expand = (value: Rec): Rec[] => Array.from({ length: copies(node, value) }, (_, index) => copy(node, value, index));
  switch (node.kind) {
    case 'map':
      return { main: each(all, (value) => [mapped(node, value)]), side: [] };
    case 'filter':
      return { main: all.filter(({ value }) => kept(node, value)), side: [] };
    case 'flat map':
      return { main: each(all, expand), side: [] };
    case 'split':
      return { main: all.filter(({ value }) => goesToMain(node, value)), side: all.filter(({ value }) => goesToSide(node, value)) };
    case 'co-map':
      return {
        main: [
          ...each(arriving[0] ?? [], (value) => [mapped(node, value)]),
          ...each(arriving[1] ?? [], (value) => [{ ...value, second: true }]),
        ],
        side: [],
      };
    case 'co-flat-map':
      return {
        main: [...each(arriving[0] ?? [], expand), ...each(arriving[1] ?? [], (value) => (kept(node, value) ? [value] : []))],
        side: [],
      };
  }
}

function rolling(node: KeyedNode, records: readonly TimedRecord[]): TimedRecord[] {
  const counts = new Map<string, number>();
  return records.map(({ value, time }) => {
    const key = keyOf(node, value);
    const count = (counts.get(canonical(key)) ?? 0) + 1;
    counts.set(canonical(key), count);
    return { value: rollingResult(key, count), time };
  });
}

function windows(node: KeyedNode, inputs: readonly (readonly TimedRecord[])[]): Results {
  const found = new Map<string, { key: unknown; end: number; aggregate: Aggregate }>();
  inputs.forEach((input, index) => {
    for (const { value, time } of input) {
      const record = node.kind === 'co-window' && index === 1 ? { ...value, n: value.n * 3 } : value;
      const key = keyOf(node, value);
      const end = windowEnd(node, time);
      const name = `${canonical(key)} ${end}`;
      found.set(name, { key, end, aggregate: aggregated(record, found.get(name)?.aggregate) });
    }
  });
  const all = [...found.values()];
  return {
    main: all.map(({ key, end, aggregate }) => ({ value: windowResult(key, end, aggregate), time: end })),
    side: all
      .filter(({ aggregate }) => node.kind === 'window' && isLarge(aggregate))
      .map(({ key, end, aggregate }) => ({ value: largeResult(key, end, aggregate), time: end })),
  };
}
