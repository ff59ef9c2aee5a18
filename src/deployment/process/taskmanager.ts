/** A TaskManager's process: its slots' threads, registered with the JobManager. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { deriveTaskManagerProcess } from '../../config/memory/process-memory.ts';
import { startReporters } from '../../runtime/metrics/reporters/start-reporters.ts';
import { frameSize } from '../../runtime/rpc/frame-size.ts';
import { JobManagerConnection } from '../../runtime/taskmanager/job-manager-connection.ts';
import { TaskExecutor } from '../../runtime/taskmanager/task-executor.ts';
import { randomHex, type TaskManagerId } from '../../shared/ids.ts';
import { installationRoot } from '../../shared/installation.ts';
import { killDescendants } from './descendants.ts';
import { type ProcessContext, type RunningProcess, runProcess } from './process-frame.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Of a cluster that nobody else can reach. */
const loopback = 'localhost';

await runProcess('TaskManager', startTaskManager);

async function startTaskManager(context: ProcessContext): Promise<RunningProcess> {
  const { config, log } = context;
  const directory = temporaryDirectory(config, 'taskmanager');
  const host = ownHost(config);
  const taskExecutor = new TaskExecutor({
    config,
    taskManagerId: config.get('taskmanager.resource-id') ?? newTaskManagerId(host),
    process: deriveTaskManagerProcess(config),
    host,
    bindHost: config.get('taskmanager.bind-host') ?? host,
    slotThreadEntry: join(installationRoot(), 'dist', 'slot-thread.js'),
    limitHeaps: true,
    temporaryDirectory: directory.path,
    logFiles: { log: context.logFile, stdout: context.stdoutFile },
    logLevel: context.logLevel,
    log: log.of('TaskExecutor'),
    onFatalError: (message) => {
      log.error(`${message} This process ends itself; its supervisor starts another.`);
      killDescendants();
      process.kill(process.pid, 'SIGKILL');
    },
  });
  // Fails early, with a reason, when a slot cannot listen.
  await taskExecutor.registration();
  const reporters = await startReporters({
    config,
    log: log.of('Reporters'),
    host: config.get('taskmanager.bind-host') ?? host,
    groups: async () => taskExecutor.metricGroups(),
  });
  const connection = new JobManagerConnection({
    config,
    taskExecutor,
    log: log.of('JobManagerConnection'),
    maxFrameBytes: frameSize(config),
    onRegistered: context.ready,
    onGiveUp: (cause) => {
      log.error('Giving up.', cause);
      context.end(1);
    },
  });
  void connection.run();
  return {
    close: async () => {
      reporters.close();
      connection.close();
      await taskExecutor.close();
      directory.remove();
    },
  };
}

/** How other machines reach this one; on a cluster of one machine, its loopback. */
function ownHost(config: Configuration): string {
  const configured = config.get('taskmanager.host');
  if (configured !== undefined) return configured;
  return ['localhost', '127.0.0.1', '::1'].includes(config.get('jobmanager.rpc.address') ?? loopback) ? loopback : hostname();
}

function newTaskManagerId(host: string): TaskManagerId {
  return `${host}:${process.pid}-${randomHex(3)}`;
}
