/** What a seed decides before the first event: the job, its settings, the size of the cluster, and what breaks when. */
import type { ProgramPlan } from './program.ts';
import type { Chance } from './random.ts';

const strikes = [
  'task fails',
  'TaskManager dies',
  'machine loses power',
  'TaskManager stops',
  'JobManager dies',
  'JobManager is overtaken',
  'JobManager is overtaken while it records',
  'JobManager dies while it records',
  'a record fails behind its effect',
  'disk fails',
  'disk is slow',
  'messages get lost',
  'savepoint',
  'checkpoint',
] as const;

export type Strike = (typeof strikes)[number];

/** What keeps a JobManager from telling at once. */
const slowing: ReadonlySet<Strike> = new Set<Strike>([
  'TaskManager stops',
  'JobManager is overtaken',
  'JobManager is overtaken while it records',
  'disk fails',
  'disk is slow',
]);

export interface Scenario {
  readonly program: ProgramPlan;
  readonly isExactlyOnce: boolean;
  readonly taskManagers: number;
  readonly slotsPerTaskManager: number;
  readonly faults: readonly { readonly atMs: number; readonly strike: Strike }[];
  /** From here on nothing breaks. */
  readonly calmAtMs: number;
  /** A deletion that fails leaves its files. */
  readonly deletionsMayFail: boolean;
  /** Within this every attempt hears what became of a checkpoint. */
  readonly patienceMs: number;
}

export function drawScenario(chance: Chance): Scenario {
  const timeoutMs = chance.oneOf([40, 120, 400]);
  const program = drawProgram(chance, timeoutMs);
  const { source, middle, keyed, sink } = program.parallelism;
  const slots = Math.max(source, program.shape === 'keyed' ? Math.max(middle, keyed, sink) : 0);
  const taskManagers = chance.between(1, 3);
  const faults = drawFaults(chance);
  return {
    program,
    isExactlyOnce: program.configuration['execution.checkpointing.mode'] === 'EXACTLY_ONCE',
    taskManagers,
    slotsPerTaskManager: Math.ceil(slots / taskManagers) + chance.between(0, 1),
    faults,
    calmAtMs: 450,
    deletionsMayFail: faults.some(({ strike }) => strike === 'disk fails'),
    patienceMs: timeoutMs + (faults.some(({ strike }) => slowing.has(strike)) ? 3000 : 200),
  };
}

function drawProgram(chance: Chance, timeoutMs: number): ProgramPlan {
  const width = (): number => chance.between(1, 3);
  return {
    shape: chance.happens(0.7) ? 'keyed' : 'pipelines',
    splits: chance.between(2, 8),
    perSplit: chance.between(4, 20),
    keys: chance.between(1, 7),
    parallelism: { source: width(), middle: width(), keyed: width(), sink: width() },
    configuration: {
      'execution.checkpointing.interval': `${chance.oneOf([10, 25, 60])} ms`,
      'execution.checkpointing.min-pause': `${chance.oneOf([0, 0, 15])} ms`,
      'execution.checkpointing.timeout': `${timeoutMs} ms`,
      'execution.checkpointing.mode': 'EXACTLY_ONCE',
      'execution.checkpointing.max-concurrent-checkpoints': String(chance.oneOf([1, 1, 2, 3])),
      'execution.checkpointing.tolerable-failed-checkpoints': String(chance.oneOf([0, 2, 100])),
      'state.checkpoints.num-retained': String(chance.between(1, 3)),
      'state.checkpoints.dir': 'simulated:/checkpoints',
      'state.storage.fs.memory-threshold': chance.oneOf(['0 kb', '20 kb']),
      'jobmanager.execution.failover-strategy': chance.oneOf(['region', 'region', 'full']),
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '1000000',
      'restart-strategy.fixed-delay.delay': `${chance.oneOf([1, 20])} ms`,
      'weir.chain.generate-code': 'false',
    },
  };
}

/** Few kinds in one history, so that each has its turn alone and with others. */
function drawFaults(chance: Chance): Scenario['faults'] {
  const kinds = Array.from({ length: chance.between(1, 4) }, () => chance.oneOf(strikes));
  return Array.from({ length: chance.between(0, 8) }, () => ({ atMs: chance.duration(5, 400), strike: chance.oneOf(kinds) }));
}
