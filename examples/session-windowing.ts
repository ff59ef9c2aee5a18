/**
 * Sessions of events, seven of them: a session of a key goes on while its events are less than 3 ms apart.
 *
 *     flink run examples/session-windowing.ts
 */
import { EventTimeSessionWindows, ParameterTool, StreamExecutionEnvironment, WatermarkStrategy } from 'weir';

type Event = [key: string, at: number, count: number];

const events: Event[] = [
  ['a', 1, 1],
  ['b', 1, 1],
  ['b', 3, 1],
  ['b', 5, 1],
  ['c', 6, 1],
  // The session of b is over by now.
  ['a', 10, 1],
  // And so are those of a and c.
  ['c', 11, 1],
];

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const output = parameters.get('output');
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.setParallelism(1);

  const source = env.fromCollection(events).assignTimestampsAndWatermarks(
    WatermarkStrategy.forGenerator<Event>(() => ({
      onEvent: ([, at], _timestamp, watermarks) => watermarks.emitWatermark(at - 1),
      onPeriodicEmit() {},
    })).withTimestampAssigner(([, at]) => at),
  );
  const sessions = source
    .keyBy(0)
    .window(EventTimeSessionWindows.withGap(3))
    .sum(2)
    .map(([key, at, count]) => `(${key},${at},${count})`);
  if (output === undefined) {
    source.map(([key, at, count]) => `Collected: (${key},${at},${count})`).print();
    sessions.print();
  } else {
    sessions.writeAsText(output);
  }
  await env.execute('SessionWindowing');
}

if (import.meta.main) await main(process.argv.slice(2));
