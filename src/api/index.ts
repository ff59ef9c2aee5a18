/** Everything a program imports from `weir` that describes a job. */

export type { TypeInfo } from '../types/type-info.ts';
export { Types } from '../types/types.ts';
export {
  AverageAccumulator,
  DoubleCounter,
  DoubleMaximum,
  DoubleMinimum,
  Histogram,
  IntCounter,
  IntMaximum,
  IntMinimum,
  LongCounter,
  LongMaximum,
  LongMinimum,
} from './accumulators.ts';
export { type AsyncBatchOptions, AsyncDataStream, type AsyncOptions, TimeUnit } from './async-data-stream.ts';
export {
  type AsyncCallContext,
  type AsyncFunction,
  AsyncRetryStrategies,
  type AsyncRetryStrategy,
  type ResultFuture,
  RetryPredicates,
} from './async-functions.ts';
export { BroadcastConnectedStream, BroadcastStream } from './broadcast-stream.ts';
export { CheckpointConfig, type CheckpointingMode, type ExternalizedCheckpointRetention } from './checkpoint-config.ts';
export { type ConnectedHandlers, connectAll, MultipleConnectedStreams } from './connect-all.ts';
export {
  ConnectedStreams,
  DataStream,
  DataStreamSink,
  type Key,
  KeyedStream,
  type SerializationSchema,
  SingleOutputStreamOperator,
  type SlotSharingGroup,
  type WriteMode,
} from './data-stream.ts';
export {
  type DeclaredBroadcastProcess,
  type DeclaredCoProcess,
  type DeclaredKeyedProcess,
  type DeclaredProcess,
  type DefaultedValueState,
  type SideDeclaration,
  type SideStreams,
  type StateDeclaration,
  side,
  state,
} from './declared-state.ts';
export type { DistributedCache } from './distributed-cache.ts';
export { type Duration, Time } from './duration.ts';
export { ExecutionConfig } from './execution-config.ts';
export type { JobClient, JobExecutionResult, JobStatusName } from './executor.ts';
export type {
  Accumulator,
  BroadcastContext,
  BroadcastOnTimerContext,
  CheckpointedFunction,
  CheckpointListener,
  CoFlatMapFunction,
  Collector,
  CoMapFunction,
  FilterFunction,
  FlatMapFunction,
  FunctionInitializationContext,
  FunctionSnapshotContext,
  JobInfo,
  KeySelector,
  MapFunction,
  MetricGroup,
  OnTimerContext,
  OutputTagLike,
  Partitioner,
  ProcessContext,
  ReadOnlyBroadcastContext,
  ReduceFunction,
  RichFunction,
  RuntimeContext,
  SinkContext,
  SinkFunction,
  SourceFunction,
  SourceFunctionContext,
  TaskInfo,
  TaskOwnedLog,
  TaskOwnedLogs,
  TimeDomain,
  TimerService,
} from './functions.ts';
export { type CheckpointCommitter, GenericWriteAheadSink } from './generic-write-ahead-sink.ts';
export { BoundedIntervalJoin, IntervalJoin } from './interval-join.ts';
export { CoGroupedWindows, JoinedEqualTo, JoinedStreams, JoinedWhere, JoinedWindows } from './joined-streams.ts';
export { OutputTag } from './output-tag.ts';
export { ParameterTool } from './parameter-tool.ts';
export { RestartStrategies, type RestartStrategyConfiguration } from './restart-strategies.ts';
export {
  AbstractRichFunction,
  BroadcastProcessFunction,
  CoProcessFunction,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  ProcessFunction,
  RichAsyncFunction,
  RichCoFlatMapFunction,
  RichCoMapFunction,
  RichFilterFunction,
  RichFlatMapFunction,
  RichMapFunction,
  RichReduceFunction,
  RichSinkFunction,
  RichSourceFunction,
} from './rich-functions.ts';
export type * from './sink.ts';
export type * from './source.ts';
export type {
  AggregatingState,
  BroadcastState,
  ListState,
  MapState,
  OperatorStateStore,
  ReadOnlyBroadcastState,
  ReducingState,
  StateOf,
  ValueState,
} from './state.ts';
export {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from './state-descriptors.ts';
export {
  type StateTtl,
  StateTtlConfig,
  type StateTtlOptions,
  type TtlStateVisibility,
  type TtlUpdateType,
} from './state-ttl-config.ts';
export {
  type IterationContext,
  type JobListener,
  type RuntimeExecutionMode,
  StreamExecutionEnvironment,
} from './stream-execution-environment.ts';
export {
  AscendingTimestampExtractor,
  type AssignerWithPeriodicWatermarks,
  type AssignerWithPunctuatedWatermarks,
  BoundedOutOfOrdernessTimestampExtractor,
} from './timestamp-extractors.ts';
export { TwoPhaseCommitSinkFunction } from './two-phase-commit-sink-function.ts';
export type { WatermarkGenerator, WatermarkOutput } from './watermark.ts';
export { type TimestampAssigner, WatermarkStrategy } from './watermark-strategy.ts';
export {
  DynamicEventTimeSessionWindows,
  DynamicProcessingTimeSessionWindows,
  EventTimeSessionWindows,
  GlobalWindows,
  type MergeCallback,
  MergingWindowAssigner,
  ProcessingTimeSessionWindows,
  type SessionWindowTimeGapExtractor,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  WindowAssigner,
  type WindowAssignerContext,
  WindowStagger,
} from './windows/assigners.ts';
export { CountEvictor, DeltaEvictor, type Evictor, type EvictorContext, TimeEvictor, type TimestampedValue } from './windows/evictors.ts';
export {
  type AggregateFunction,
  AllWindowFunction,
  type CoGroupFunction,
  type FlatJoinFunction,
  type JoinFunction,
  type KeyedStateStore,
  ProcessAllWindowFunction,
  type ProcessJoinContext,
  ProcessJoinFunction,
  type ProcessWindowContext,
  ProcessWindowFunction,
  WindowFunction,
} from './windows/functions.ts';
export { type OnMergeContext, Trigger, type TriggerContext, type TriggerFunction, TriggerResult } from './windows/trigger.ts';
export {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  type DeltaFunction,
  DeltaTrigger,
  EndOfStreamTrigger,
  EventTimeTrigger,
  NeverTrigger,
  ProcessingTimeoutTrigger,
  ProcessingTimeTrigger,
  PurgingTrigger,
} from './windows/triggers.ts';
export { GlobalWindow, TimeWindow, type Window, type WindowSerializer } from './windows/window.ts';
export { AllWindowedStream, WindowedStream } from './windows/windowed-stream.ts';
