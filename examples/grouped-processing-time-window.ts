/**
 * Counts many keys in windows of the clock that slide: each record is in five windows, and kept once.
 *
 *     flink run examples/grouped-processing-time-window.ts
 *     flink run examples/grouped-processing-time-window.ts --keys 10000 --records 20000000
 */
import { DataGeneratorSource, ParameterTool, SlidingProcessingTimeWindows, StreamExecutionEnvironment, WatermarkStrategy } from 'weir';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const keys = parameters.getInt('keys', 10_000);
  const records = parameters.getLong('records', 20_000_000);

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const counts = env
    .fromSource(
      new DataGeneratorSource((index) => ({ key: index % keys, count: 1 }), records),
      WatermarkStrategy.noWatermarks(),
      'keyed numbers',
    )
    .keyBy('key')
    .window(SlidingProcessingTimeWindows.of('2500ms', '500ms'))
    .sum('count');
  const output = parameters.get('output');
  if (output === undefined) counts.print();
  else counts.map(({ key, count }) => `${key},${count}`).writeAsText(output);
  await env.execute('GroupedProcessingTimeWindowExample');
}

if (import.meta.main) await main(process.argv.slice(2));
