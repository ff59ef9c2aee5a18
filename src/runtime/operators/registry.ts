/** From an operator specification to the operator that runs it: one table. */
// biome-ignore-all lint/suspicious/noExplicitAny: each builder narrows the specification it is registered for
import type { CustomSpec } from '../../api/operator-specs.ts';
import type { StreamOperator } from '../../api/operators.ts';
import type { WindowSpec } from '../../api/windows/window-spec.ts';
import type { StreamNode } from '../../graph/stream-graph.ts';
import { BugError } from '../../shared/assert.ts';
import { sinkOperatorBuilders } from '../sink/sink-operators.ts';
import { sourceOperatorBuilders } from '../source/source-operators.ts';
import { AsyncOperator } from './async/async-operator.ts';
import { BroadcastProcessOperator } from './broadcast-operator.ts';
import {
  aggregateReducer,
  CoFlatMapOperator,
  CoMapOperator,
  CoProcessOperator,
  KeyedProcessOperator,
  KeyedReduceOperator,
} from './keyed-operators.ts';
import { FilterOperator, FlatMapOperator, MapOperator, ProcessOperator } from './stateless-operators.ts';
import { TimestampsOperator } from './timestamps-operator.ts';
import { AlignedWindowOperator } from './windows/aligned-window-operator.ts';
import { IntervalJoinOperator } from './windows/interval-join-operator.ts';
import { SessionWindowOperator } from './windows/session-window-operator.ts';
import { WindowOperator } from './windows/window-operator.ts';

export type OperatorBuilder = (spec: any, node: StreamNode) => StreamOperator;

const builders: Readonly<Record<string, OperatorBuilder>> = {
  ...sourceOperatorBuilders,
  ...sinkOperatorBuilders,
  map: (spec) => new MapOperator(spec),
  filter: (spec) => new FilterOperator(spec),
  'flat-map': (spec) => new FlatMapOperator(spec),
  process: (spec) => new ProcessOperator(spec),
  'keyed-process': (spec) => new KeyedProcessOperator(spec),
  'keyed-reduce': (spec) => new KeyedReduceOperator(spec),
  'keyed-aggregate': (spec) => new KeyedReduceOperator({ type: 'keyed-reduce', function: aggregateReducer(spec) }, spec),
  'co-map': (spec) => new CoMapOperator(spec),
  'co-flat-map': (spec) => new CoFlatMapOperator(spec),
  'co-process': (spec) => new CoProcessOperator(spec),
  async: (spec) => new AsyncOperator(spec),
  'broadcast-process': (spec) => new BroadcastProcessOperator(spec),
  'interval-join': (spec) => new IntervalJoinOperator(spec),
  window: (spec: WindowSpec) => windowOperator(spec),
  'timestamps-and-watermarks': (spec) => new TimestampsOperator(spec),
  custom: (spec: CustomSpec) => spec.factory.createOperator(),
};

/** Windows that fire at their ends, as most do, have operators that know them. */
function windowOperator(spec: WindowSpec): StreamOperator {
  if (spec.shared) return new AlignedWindowOperator(spec);
  return spec.plainSessions ? new SessionWindowOperator(spec) : new WindowOperator(spec);
}

export function buildOperator(node: StreamNode): StreamOperator {
  const build = builders[node.spec.type];
  if (!build) throw new BugError(`no operator for specification '${node.spec.type}'`);
  return build(node.spec, node);
}
