/** Options that only Weir has. */
import type { Option } from '../option.ts';

export const weirOptions = {
  'env.node.home': { type: 'string', description: 'Home of the Node.js that daemons and commands run on; it holds bin/node.' },
  'weir.config.lint': {
    type: 'boolean',
    default: 'true',
    description: 'Whether keys that are unknown, or have no effect, are reported when a process starts.',
  },
  'weir.output.overflow-limit': {
    type: 'memory',
    default: '64mb',
    description: 'How much one call of a user function may emit beyond the free network buffers before its task fails.',
  },
  'weir.codec.everywhere': {
    type: 'boolean',
    default: 'false',
    description: 'In an embedded cluster, send every edge and state value through its codec, so that a test sees what a cluster would do.',
  },
  'weir.chain.generate-code': {
    type: 'boolean',
    default: 'true',
    description: 'Run each operator chain as code generated for it. When false, operators call each other: slower, with the same results.',
  },
  'weir.chain.print-code': {
    type: 'boolean',
    default: 'false',
    description: 'Print the code generated for each operator chain to the standard output of its TaskManager.',
  },
  'weir.checkpoint.fall-back-when-damaged': {
    type: 'boolean',
    default: 'false',
    description:
      'When the newest completed checkpoint is damaged, go on from the one before instead of failing the job. Sinks have committed up to the newest one: what came since the older one is written twice.',
  },
  'weir.watermark.watchdog-timeout': {
    type: 'duration',
    default: '1 min',
    description:
      'When the event time of a task stands still for so long because of one input while others go on, its log says which input that is. 0: it does not. The metric watermarkHeldBackBy says it at any time.',
  },
  'weir.high-availability.lease-timeout': {
    type: 'duration',
    default: '10 s',
    description:
      'With high-availability: filesystem, how long a leader may be silent before another JobManager takes over. One whose process is gone from the same machine is replaced at once.',
  },
  'weir.yarn.directory': {
    type: 'string',
    description:
      'Directory of the embedded resource manager: its socket, its records, and the working directories and logs of containers. Unset: weir-yarn-<user> in the temporary directory. Each directory is a resource manager of its own.',
  },
  'weir.yarn.idle-timeout': {
    type: 'duration',
    default: '1 h',
    description: 'After which time without an application the embedded resource manager ends; whoever needs it starts it again. -1: never.',
  },
} as const satisfies Record<string, Option>;
