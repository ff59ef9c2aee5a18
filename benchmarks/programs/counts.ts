/** map-filter-keyBy-count on Weir: `--records n --key sensor|name --count process|sum`. */
import {
  type Collector,
  DataGeneratorSource,
  ParameterTool,
  type ProcessContext,
  StreamExecutionEnvironment,
  state,
  type ValueState,
  WatermarkStrategy,
} from 'weir';
import { type Count, isWarm, type KeyField, reading, type Sample, toSample } from '../workloads/counts.ts';
import { TallySink } from './tally-sink.ts';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const key = parameters.get('key', 'sensor') as KeyField;
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const samples = env
    .fromSource(new DataGeneratorSource(reading, Number(parameters.getRequired('records'))), WatermarkStrategy.noWatermarks(), 'readings')
    .map(toSample)
    .filter(isWarm)
    .keyBy((sample) => sample[key]);
  if (parameters.get('count', 'process') === 'sum') samples.sum('count').addSink(new TallySink());
  else samples.process(counting).addSink(new TallySink());
  await env.execute('counts');
}

const counting = {
  state: { count: state.value(() => 0) },
  processElement(
    _: Sample,
    context: ProcessContext<number | string> & { state: { count: ValueState<number> } },
    out: Collector<Count>,
  ): void {
    const count = (context.state.count.value() ?? 0) + 1;
    context.state.count.update(count);
    out.collect({ key: context.getCurrentKey(), count });
  },
};
