/** The operators that make records, by the type of their specification. */
// biome-ignore-all lint/suspicious/noExplicitAny: each builder narrows the specification it is registered for
import type { SourceFunctionSpec, SourceSpec } from '../../api/operator-specs.ts';
import type { StreamOperator } from '../../api/operators.ts';
import { SourceFunctionOperator } from './source-function-operator.ts';
import { SplitSourceOperator } from './split-source-operator.ts';

export const sourceOperatorBuilders: Readonly<Record<string, (spec: any) => StreamOperator>> = {
  source: (spec: SourceSpec) => new SplitSourceOperator(spec),
  'source-function': (spec: SourceFunctionSpec) => new SourceFunctionOperator(spec),
};
