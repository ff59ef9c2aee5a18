/** What `import … from 'weir/testing'` gives: for tests of programs, with any test runner. */
export { MiniCluster, type MiniClusterOptions } from './mini-cluster.ts';
export type { HarnessOptions, OperatorSnapshot, OperatorTestHarness, OutputRecord } from './operator-test-harness.ts';
export { TestInput } from './test-input.ts';
export { ProcessFunctionTestHarnesses, testOperator } from './test-operator.ts';
