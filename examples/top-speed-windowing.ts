/**
 * The highest speed of each car in the last 10 seconds, told at every 50 metres it has driven.
 *
 *     flink run examples/top-speed-windowing.ts --input positions.csv
 *
 * The file has lines like `(0,55,15.277,1424951918630)`: car, km/h, metres, milliseconds. Without a file two cars drive for ever.
 */
import {
  DataGeneratorSource,
  DeltaTrigger,
  GlobalWindows,
  ParameterTool,
  RateLimiterStrategy,
  StreamExecutionEnvironment,
  TimeEvictor,
  WatermarkStrategy,
} from 'weir';

/** Car, speed in km/h, way in metres, when. */
type Position = [car: number, speed: number, meters: number, at: number];

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const input = parameters.get('input');
  const positions =
    input === undefined
      ? env
          .fromSource(
            new DataGeneratorSource(driving(2), Number.MAX_SAFE_INTEGER, RateLimiterStrategy.perSecond(20)),
            WatermarkStrategy.noWatermarks(),
            'cars',
          )
          .setParallelism(1)
      : env.readTextFile(input).map(parse);

  const topSpeeds = positions
    .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Position>().withTimestampAssigner(([, , , at]) => at))
    .keyBy(0)
    .window(GlobalWindows.create())
    .evictor(TimeEvictor.of('10s'))
    .trigger(DeltaTrigger.of(50, (before, now) => now[2] - before[2]))
    .maxBy(1)
    .map(([car, speed, meters, at]) => `(${car},${speed},${meters},${at})`);

  const output = parameters.get('output');
  if (output === undefined) topSpeeds.print();
  else topSpeeds.writeAsText(output);
  await env.execute('CarTopSpeedWindowingExample');
}

function parse(line: string): Position {
  return line
    .replace(/^\(|\)$/g, '')
    .split(',')
    .map(Number) as Position;
}

/** A record of each car in turn; speeds change by 5 km/h up or down. */
function driving(cars: number): (index: number) => Position {
  const speeds = Array.from({ length: cars }, () => 50);
  const ways = Array.from({ length: cars }, () => 0);
  return (index) => {
    const car = index % cars;
    const before = speeds[car] as number;
    const speed = Math.random() < 0.5 ? Math.min(100, before + 5) : Math.max(0, before - 5);
    speeds[car] = speed;
    ways[car] = (ways[car] as number) + speed / 3.6;
    return [car, speed, ways[car] as number, Date.now()];
  };
}

if (import.meta.main) await main(process.argv.slice(2));
