/**
 * Watches many state machines at once, one for each network address, and reports every event that its machine does not allow.
 * The events are generated; a few of them, on purpose, are wrong.
 *
 *     flink run examples/state-machine.ts --rps 1000 --error-rate 0.01
 *     flink run examples/state-machine.ts --events 1000000 --output alerts
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

export type EventType = 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g';

export interface Event {
  readonly type: EventType;
  /** An IPv4 address. */
  readonly sourceAddress: number;
}

interface Alert {
  readonly address: number;
  readonly state: string;
  readonly type: EventType;
}

/** The state behind each allowed event. */
const transitions: Readonly<Record<string, Partial<Record<EventType, string>>>> = {
  Initial: { a: 'W', c: 'X' },
  W: { b: 'Y' },
  X: { b: 'Y', d: 'Z' },
  Y: { e: 'Z' },
  Z: { g: 'Terminal' },
};

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const count = parameters.getLong('events', Number.MAX_SAFE_INTEGER);
  const errorRate = parameters.getDouble('error-rate', 0);
  const perSecond = parameters.getDouble('rps', 1000 / parameters.getLong('sleep', 1));
  const unlimited = parameters.has('events') && !parameters.has('rps') && !parameters.has('sleep');

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const rate = unlimited ? RateLimiterStrategy.noOp() : RateLimiterStrategy.perSecond(perSecond);
  const events = env
    .fromSource(
      new DataGeneratorSource((index) => eventAt(index, errorRate), count, rate),
      WatermarkStrategy.noWatermarks(),
      'Events Generator Source',
    )
    // Two readers would mix earlier and later events of a machine.
    .setParallelism(1);
  const alerts = events
    .keyBy('sourceAddress')
    .process({
      state: { current: state.value(() => 'Initial') },
      processElement(event, context, out: Collector<Alert>) {
        const { current } = context.state;
        const next = transitions[current.value()]?.[event.type];
        if (next === undefined) out.collect({ address: event.sourceAddress, state: current.value(), type: event.type });
        else if (next === 'Terminal') current.clear();
        else current.update(next);
      },
    })
    .name('State machine')
    .uid('state-machine')
    .map((alert) => `ALERT ${dotted(alert.address)} : ${alert.state} -> ${alert.type}`);
  const output = parameters.get('output');
  if (output === undefined) alerts.print();
  else alerts.writeAsText(output);
  await env.execute('State machine job');
}

/** Machines that are on their way at the same time. */
const machines = 1000;
/** Ways from Initial to Terminal, which all fit into this many events without a rest. */
const blockLength = 12;
const ways: readonly { readonly events: readonly EventType[]; readonly share: number }[] = [
  { events: ['a', 'b', 'e', 'g'], share: 0.6 },
  { events: ['c', 'd', 'g'], share: 0.92 },
  { events: ['c', 'b', 'e', 'g'], share: 1 },
];

/** The n-th event, the same each time it is asked for: machines take turns, and one that has ended makes place for another. */
export function eventAt(index: number, errorRate: number): Event {
  const place = index % machines;
  const turn = Math.floor(index / machines);
  const block = Math.floor(turn / blockLength);
  const seed = place + machines * block;
  const chosen = pseudoRandom(seed);
  const { events } = ways.find(({ share }) => chosen < share) as (typeof ways)[number];
  const step = turn % blockLength;
  const life = Math.floor(step / events.length);
  const sourceAddress = Math.floor(pseudoRandom(seed * 4 + life + 0.5) * 2 ** 32);
  const wrong = pseudoRandom(index + 0.25) < errorRate;
  return { type: wrong ? 'f' : (events[step % events.length] as EventType), sourceAddress };
}

/** Between 0 and 1, the same for the same number. */
function pseudoRandom(seed: number): number {
  let hash = 0x811c9dc5;
  for (let rest = Math.floor(seed * 4); rest > 0; rest = Math.floor(rest / 256)) hash = Math.imul(hash ^ (rest % 256), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

if (import.meta.main) await main(process.argv.slice(2));
