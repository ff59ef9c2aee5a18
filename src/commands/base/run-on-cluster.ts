/** The executor of a run for each kind of cluster: one that runs, or one that YARN starts for each job. */
import { ClusterClient } from '../../client/cluster-client.ts';
import type { LoadedProgram, ProgramExecutor } from '../../client/program/load-program.ts';
import { RemoteExecutor, type RemoteExecutorOptions } from '../../client/remote-executor.ts';
import { restClientOptions } from '../../client/rest-client.ts';
import type { JobId } from '../../shared/ids.ts';
import { connectToYarnCluster, yarnClusterClient } from './cluster-connection.ts';
import { progressOf } from './progress.ts';
import type { ProgramRunRequest } from './run-program.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

export interface ClusterExecutor extends ProgramExecutor {
  /** Jobs that somebody waits for now. */
  readonly waitingFor: readonly JobId[];
  cancelAll(patienceMs: number): Promise<void>;
}

export interface ClusterRun {
  executor(program: LoadedProgram): ClusterExecutor;
  /** How a user cancels this job later. */
  cancelCommand(jobId: JobId): string;
}

/** The cluster is found before the program is bundled. `signal` ends the start of one. Undefined: the job runs in this process. */
export async function clusterOf(request: ProgramRunRequest, signal: AbortSignal): Promise<ClusterRun | undefined> {
  const { target, configuration, terminal } = request;
  switch (target) {
    case 'remote': {
      const client = new ClusterClient(restClientOptions(configuration));
      return {
        executor: (program) => new RemoteExecutor(client, executorOptions(request, program)),
        cancelCommand: (jobId) => `flink cancel ${jobId}`,
      };
    }
    case 'yarn-session': {
      const { client, applicationId } = await connectToYarnCluster(configuration, terminal);
      return {
        executor: (program) => new RemoteExecutor(client, { ...executorOptions(request, program), slotAdvice: yarnSlotAdvice }),
        cancelCommand: (jobId) => `flink cancel -yid ${applicationId} ${jobId}`,
      };
    }
    case 'yarn-per-job':
      return perJob(request, signal);
    default:
      return undefined;
  }
}

const yarnSlotAdvice =
  'YARN starts another TaskManager as soon as there is memory for it (yarn-session.sh -q shows what is free), within slotmanager.number-of-slots.max.';

async function perJob(request: ProgramRunRequest, signal: AbortSignal): Promise<ClusterRun> {
  const { configuration, terminal } = request;
  const [{ connectYarn }, { deploy }, { PerJobExecutor }, { restEndpointOf }] = await Promise.all([
    import('../../deployment/yarn/client/connect-yarn.ts'),
    import('../../deployment/yarn/client/deployment.ts'),
    import('../../deployment/yarn/client/per-job-executor.ts'),
    import('../../deployment/yarn/client/find-cluster.ts'),
  ]);
  const surroundings = surroundingsOf(terminal, configuration);
  const { yarn } = await connectYarn(surroundings);
  let executor: InstanceType<typeof PerJobExecutor> | undefined;
  return {
    executor: (program) => {
      executor = new PerJobExecutor({
        ...executorOptions(request, program),
        slotAdvice: yarnSlotAdvice,
        deploy: async (jobGraph) => {
          const report = await deploy({ target: 'yarn-per-job', surroundings, yarn, jobGraph, artifactPath: program.artifactPath, signal });
          const { applicationId } = report;
          if (report.trackingUrl !== undefined)
            terminal.err(`Found Web Interface ${report.host}:${report.rpcPort} of application '${applicationId}'.`);
          return { applicationId, client: yarnClusterClient(configuration, () => restEndpointOf(yarn, applicationId)) };
        },
      });
      return executor;
    },
    cancelCommand: (jobId) => `flink cancel -t yarn-per-job -Dyarn.application.id=${executor?.applicationOf(jobId)} ${jobId}`,
  };
}

function executorOptions({ configuration, terminal, hint }: ProgramRunRequest, program: LoadedProgram): RemoteExecutorOptions {
  return {
    artifact: { path: program.artifactPath, hash: program.artifactHash },
    detached: !configuration.get('execution.attached'),
    shutdownOnAttachedExit: configuration.get('execution.shutdown-on-attached-exit'),
    heartbeatIntervalMs: configuration.get('client.heartbeat.interval'),
    heartbeatTimeoutMs: configuration.get('client.heartbeat.timeout'),
    print: (line) => terminal.out(line),
    hint,
    progress: progressOf(terminal),
  };
}
