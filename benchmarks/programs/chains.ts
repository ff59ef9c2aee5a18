/** map-filter-sink without a shuffle: `--records n --maps none|objects|identity --chains k`; each chain takes n records. */
import { DataGeneratorSource, ParameterTool, StreamExecutionEnvironment, WatermarkStrategy } from 'weir';
import { stepsOf } from '../workloads/chains.ts';
import { isWarm, reading, toSample } from '../workloads/counts.ts';
import { TallySink } from './tally-sink.ts';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const records = Number(parameters.getRequired('records'));
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  for (let chain = 0; chain < parameters.getInt('chains', 1); chain++) {
    let samples = env
      .fromSource(new DataGeneratorSource(reading, records), WatermarkStrategy.noWatermarks(), `readings ${chain}`)
      .map(toSample)
      .filter(isWarm);
    for (const step of stepsOf(parameters.get('maps', 'none'))) samples = samples.map(step);
    samples.addSink(new TallySink());
  }
  await env.execute('chains');
}
