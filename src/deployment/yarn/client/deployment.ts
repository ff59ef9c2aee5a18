/**
 * Starts an application on YARN in Flink's steps: checks that it can fit, stages what it needs, submits it, and waits until
 * its master runs. An application whose start is given up is killed, and its staging directory removed.
 */
import { userInfo } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Configuration } from '../../../config/configuration.ts';
import { highAvailabilityMode } from '../../../config/high-availability/leader-files.ts';
import { deriveJobManagerProcess, deriveTaskManagerProcess } from '../../../config/memory/process-memory.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import { ExternalError, UserError } from '../../../shared/errors.ts';
import { containerLaunch } from '../container-launch.ts';
import type { YarnProtocols } from '../protocol/protocols.ts';
import type { ApplicationId, ApplicationReport, ClusterLimits, Resource } from '../protocol/records.ts';
import {
  type StagedApplication,
  stagedApplicationFile,
  stagedConfigurationFile,
  stagedJobGraphFile,
  stagedProgramFile,
  type YarnTarget,
} from '../staged-application.ts';
import type { YarnSurroundings } from './connect-yarn.ts';
import { StagingDirectory, stageInstallation, stageShippedFiles } from './staging.ts';
import { whenKilled } from './when-killed.ts';

export interface Deployment {
  readonly target: YarnTarget;
  readonly surroundings: YarnSurroundings;
  readonly yarn: YarnProtocols;
  /** With yarn-per-job. */
  readonly jobGraph?: JobGraph | undefined;
  /** A packed artifact, with yarn-per-job and yarn-application. */
  readonly artifactPath?: string | undefined;
  readonly program?: StagedApplication['program'];
  /** Aborted: the start is given up. */
  readonly signal?: AbortSignal | undefined;
}

const defaultNames: Record<YarnTarget, string> = {
  'yarn-session': 'Flink session cluster',
  'yarn-per-job': 'Flink per-job cluster',
  'yarn-application': 'Flink Application Cluster',
};

/** Resolves with the report of an application that runs, or has ended well already. */
export async function deploy(deployment: Deployment): Promise<ApplicationReport> {
  const { surroundings, yarn, signal } = deployment;
  const { tell } = surroundings;
  const { applicationId, minimum, maximum } = await yarn.getNewApplication();
  const config = fittingConfiguration(surroundings.config, { minimum, maximum }, tell);
  await checkQueue(config, yarn, tell);
  checkResources(config, maximum);
  await tellOfShortMemory(config, yarn, tell);
  const staging = new StagingDirectory(config, surroundings.environment, applicationId);
  try {
    signal?.throwIfAborted();
    await submit(deployment, config, staging, applicationId);
    tell(`Submitted application ${applicationId}`);
    return await whenRunning(yarn, applicationId, tell, signal);
  } catch (error) {
    await whenKilled(yarn, applicationId, 'The client gave its deployment up.').catch(() => {});
    staging.remove();
    throw error;
  }
}

async function submit(
  { target, surroundings, yarn, jobGraph, artifactPath, program }: Deployment,
  config: Configuration,
  staging: StagingDirectory,
  applicationId: ApplicationId,
): Promise<void> {
  const { tell, environment } = surroundings;
  const highlyAvailable = highAvailabilityMode(config) !== 'none';
  const installation = stageInstallation(staging, config, tell);
  stageShippedFiles(staging, config, tell);
  const shipped = Object.keys(staging.resources);
  const ownsClusterId = !config.has('high-availability.cluster-id');
  const masterConfig = config.with({
    'execution.target': target,
    'yarn.application.id': applicationId,
    'jobmanager.rpc.address': 'localhost',
    'jobmanager.rpc.port': undefined,
    'jobmanager.rpc.bind-port': undefined,
    'jobmanager.bind-host': undefined,
    'rest.address': undefined,
    'rest.port': undefined,
    ...(highlyAvailable && ownsClusterId ? { 'high-availability.cluster-id': applicationId } : {}),
  });
  // JSON is YAML, and nothing in it needs quoting of another kind.
  staging.write(stagedConfigurationFile, `${JSON.stringify(masterConfig.toRecord(), null, 2)}\n`);
  const localResources = { ...staging.resources };
  const staged: StagedApplication = {
    target,
    installation,
    stagingDirectory: staging.path,
    localResources,
    program,
    ownsClusterId,
  };
  staging.write(stagedApplicationFile, JSON.stringify(staged));
  if (artifactPath !== undefined) staging.ship(artifactPath, 'FILE', stagedProgramFile);
  if (jobGraph !== undefined) staging.write(stagedJobGraphFile, JSON.stringify(jobGraph));
  const user = userInfo().username;
  await yarn.submitApplication({
    applicationId,
    name: config.get('yarn.application.name') ?? defaultNames[target],
    type: config.get('yarn.application.type') ?? 'Apache Flink',
    user,
    queue: config.get('yarn.application.queue') ?? 'default',
    priority: Math.max(0, config.get('yarn.application.priority')),
    tags: (config.get('yarn.tags') ?? '')
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean),
    nodeLabel: config.get('yarn.application.node-label'),
    resource: masterResource(config),
    applicationMaster: containerLaunch({
      daemon: 'yarnapplication',
      installation,
      configuration: masterConfig,
      environment: {
        _APP_ID: applicationId,
        _CLIENT_HOME_DIR: environment['HOME'] ?? '',
        _CLIENT_SHIP_FILES: shipped.join(';'),
        _FLINK_DIST_JAR: installation,
        _FLINK_YARN_FILES: pathToFileURL(staging.path).href,
        HADOOP_USER_NAME: environment['HADOOP_USER_NAME'] ?? user,
      },
      localResources: staging.resources,
      words: [],
    }),
    maxAttempts: config.get('yarn.application-attempts') ?? (highlyAvailable ? 2 : 1),
    keepContainers: highlyAvailable,
    attemptFailuresValidityIntervalMs: highlyAvailable ? config.get('yarn.application-attempt-failures-validity-interval') : -1,
  });
}

const pollMs = 100;
const hintAfterMs = 60_000;
/** A start that takes longer says what it waits for. */
const reasonAfterMs = 3000;

async function whenRunning(
  yarn: YarnProtocols,
  applicationId: ApplicationId,
  tell: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<ApplicationReport> {
  const start = performance.now();
  let hinted = false;
  let told = '';
  tell('Waiting for the cluster to be allocated');
  for (let shown: string | undefined; ; ) {
    signal?.throwIfAborted();
    const report = await yarn.getApplicationReport(applicationId);
    if (!report)
      throw new ExternalError('APPLICATION_LOST', {
        problem: `YARN does not know application ${applicationId} any more.`,
        retriable: false,
      });
    const { state, finalStatus, diagnostics } = report;
    if (state === 'RUNNING') {
      tell('YARN application has been deployed successfully.');
      return report;
    }
    if (state === 'FINISHED' && finalStatus === 'SUCCEEDED') return report;
    if (state === 'FINISHED' || state === 'FAILED' || state === 'KILLED') throw deploymentFailed(applicationId, report);
    if (state !== shown) tell(`Deploying cluster, current state ${state}`);
    shown = state;
    const waited = performance.now() - start;
    if (waited > reasonAfterMs && diagnostics !== told && diagnostics.includes('not yet activated')) {
      tell(diagnostics);
      told = diagnostics;
    }
    if (waited > hintAfterMs && !hinted) {
      tell('Deployment took more than 60 seconds. Please check if the requested resources are available in the YARN cluster');
      hinted = true;
    }
    await new Promise((resume) => setTimeout(resume, pollMs));
  }
}

function deploymentFailed(applicationId: ApplicationId, { state, diagnostics }: ApplicationReport): ExternalError {
  return new ExternalError('YARN_DEPLOYMENT_FAILED', {
    problem: `The YARN application unexpectedly switched to state ${state} during deployment.`,
    found: `Diagnostics from YARN: ${diagnostics}`,
    tryNext: [`yarn logs -applicationId ${applicationId}`],
    retriable: false,
  });
}

function masterResource(config: Configuration): Resource {
  const { memory } = deriveJobManagerProcess(config);
  return { memoryMb: Math.ceil(memory.process / 2 ** 20), vcores: config.get('yarn.appmaster.vcores') };
}

function workerResource(config: Configuration): Resource {
  const { memory, slots } = deriveTaskManagerProcess(config);
  const vcores = config.get('yarn.containers.vcores');
  return { memoryMb: Math.ceil(memory.process / 2 ** 20), vcores: vcores > 0 ? vcores : slots };
}

/** YARN gives no container below its smallest: the JobManager may as well use it whole. */
function fittingConfiguration(config: Configuration, { minimum }: ClusterLimits, tell: (line: string) => void): Configuration {
  const small = [masterResource(config), workerResource(config)].some(({ memoryMb }) => memoryMb < minimum.memoryMb);
  if (small) {
    tell(
      `WARNING: The JobManager or TaskManager memory is below the smallest possible YARN Container size. The value of 'yarn.scheduler.minimum-allocation-mb' is '${minimum.memoryMb}'. YARN accounts for the smallest container instead.`,
    );
  }
  const raised = masterResource(config).memoryMb < minimum.memoryMb && config.has('jobmanager.memory.process.size');
  return raised ? config.with({ 'jobmanager.memory.process.size': `${minimum.memoryMb}m` }) : config;
}

async function checkQueue(config: Configuration, yarn: YarnProtocols, tell: (line: string) => void): Promise<void> {
  const queue = config.get('yarn.application.queue');
  if (queue === undefined) return;
  const names = (await yarn.getQueues()).map(({ name }) => name);
  if (!names.includes(queue.replace(/^root\./, '')))
    tell(`WARNING: The specified queue '${queue}' does not exist. Available queues: ${names.join(', ')}`);
}

/** Throws UserError('YARN_RESOURCES') for what no node could ever give. */
function checkResources(config: Configuration, maximum: Resource): void {
  const [master, worker] = [masterResource(config), workerResource(config)];
  const hint = "Please check the 'yarn.scheduler.maximum-allocation-mb' and the 'yarn.nodemanager.resource.memory-mb' configuration values";
  const refuse = (problem: string, tryNext: string): never => {
    throw new UserError('YARN_RESOURCES', { problem, tryNext: [tryNext] });
  };
  if (master.memoryMb > maximum.memoryMb)
    refuse(
      `The cluster does not have the requested resources for the JobManager available!\nMaximum Memory: ${maximum.memoryMb}MB Requested: ${master.memoryMb}MB. ${hint}`,
      'Lower jobmanager.memory.process.size (-yjm, -jm).',
    );
  if (worker.memoryMb > maximum.memoryMb)
    refuse(
      `The cluster does not have the requested resources for the TaskManagers available!\nMaximum Memory: ${maximum.memoryMb}MB Requested: ${worker.memoryMb}MB. ${hint}`,
      'Lower taskmanager.memory.process.size (-ytm, -tm).',
    );
  if (master.vcores > maximum.vcores)
    refuse(
      `The number of requested virtual cores for application master ${master.vcores} exceeds the maximum number of virtual cores ${maximum.vcores} available in the Yarn Cluster.`,
      'Lower yarn.appmaster.vcores.',
    );
  if (worker.vcores > maximum.vcores)
    refuse(
      `The number of requested virtual cores per node ${worker.vcores} exceeds the maximum number of virtual cores ${maximum.vcores} available in the Yarn Cluster. Please note that the number of virtual cores is set to the number of task slots by default unless configured in the Flink config with 'yarn.containers.vcores.'`,
      'Lower the slots of a TaskManager (-ys, -s), or set yarn.containers.vcores.',
    );
}

async function tellOfShortMemory(config: Configuration, yarn: YarnProtocols, tell: (line: string) => void): Promise<void> {
  const wantedMb = masterResource(config).memoryMb + workerResource(config).memoryMb;
  const nodes = await yarn.getClusterNodes();
  const freeMb = nodes.reduce((sum, { capability, used }) => sum + capability.memoryMb - used.memoryMb, 0);
  if (wantedMb <= freeMb) return;
  tell(
    `WARNING: This YARN session requires ${wantedMb}MB of memory in the cluster. There are currently only ${freeMb}MB available. The Flink YARN client will try to allocate the YARN session, but it waits until there is memory for it.`,
  );
}
