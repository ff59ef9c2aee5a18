/**
 * Watches many state machines at once, one per source address, and reports each event that its machine does not allow.
 * The events are generated; a few of them, on purpose, are wrong.
 *
 *     flink run examples/state-machine.ts
 *     flink run examples/state-machine.ts --events 1000000 --rps 50000 --error-rate 0.001
 *
 * Without `--events` it runs until it is cancelled.
 */
import {
  type Collector,
  DataGeneratorSource,
  ParameterTool,
  RateLimiterStrategy,
  StreamExecutionEnvironment,
  state,
  WatermarkStrategy,
} from 'weir';

const transitions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Initial: { a: 'W', b: 'X' },
  W: { b: 'Y' },
  X: { c: 'Z', d: 'X' },
  Y: { e: 'W', c: 'Z' },
  Z: { g: 'Terminal' },
  Terminal: {},
};

interface Event {
  readonly address: number;
  readonly type: string;
}

interface Alert {
  readonly address: number;
  readonly state: string;
  readonly event: string;
}

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const count = parameters.getLong('events', Number.MAX_SAFE_INTEGER);
  const errorRate = parameters.getDouble('error-rate', 0.001);
  const perSecond = parameters.getLong('rps', 0);
  const rate = perSecond > 0 ? RateLimiterStrategy.perSecond(perSecond) : RateLimiterStrategy.noOp();

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const events = env.fromSource(
    new DataGeneratorSource((index) => eventAt(index, errorRate), count, rate),
    WatermarkStrategy.noWatermarks(),
    'Events',
  );
  const alerts = events
    .keyBy('address')
    .process({
      state: { current: state.value(() => 'Initial') },
      processElement(event, context, out: Collector<Alert>) {
        const { current } = context.state;
        const next = transitions[current.value()]?.[event.type];
        if (next === undefined) {
          out.collect({ address: event.address, state: current.value(), event: event.type });
          current.clear();
        } else if (next === 'Terminal') {
          current.clear();
        } else {
          current.update(next);
        }
      },
    })
    .name('state machine')
    .map((alert) => `ALERT ${alert.address} : ${alert.state} -> ${alert.event}`);
  const output = parameters.get('output');
  if (output === undefined) alerts.print();
  else alerts.writeAsText(output);
  await env.execute('State machine job');
}

const addresses = 1000;
const shortestWay = ['a', 'b', 'c', 'g'];

/** The n-th event of the same stream every time: each address walks a, b, c, g and, rarely, stumbles. */
function eventAt(index: number, errorRate: number): Event {
  const address = index % addresses;
  const step = Math.floor(index / addresses);
  const wrong = pseudoRandom(index) < errorRate;
  return { address, type: wrong ? 'f' : (shortestWay[step % shortestWay.length] as string) };
}

/** Between 0 and 1, the same for the same number (mulberry32). */
function pseudoRandom(seed: number): number {
  let t = (seed + 0x6d2b79f5) | 0;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

if (import.meta.main) await main(process.argv.slice(2));
