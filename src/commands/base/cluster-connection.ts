/** From the options of a command to a client of the right cluster. Targets without an engine yet are refused here. */
import { ClusterClient } from '../../client/cluster-client.ts';
import { restClientOptions } from '../../client/rest-client.ts';
import type { Configuration } from '../../config/configuration.ts';
import { isYarnTarget } from '../../deployment/yarn/staged-application.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { UserError } from '../../shared/errors.ts';
import type { Terminal } from './terminal.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

const sessionTargets = ['remote', 'local', 'collection', 'yarn-session', 'yarn-per-job'] as const;
const laterTargets = ['kubernetes-session', 'kubernetes-application'] as const;

export type Target = (typeof sessionTargets)[number];

/** Of run-application: a JobManager of this machine, or an application on YARN, started for the program. */
const applicationTargets = ['standalone-application', 'yarn-application'] as const;
export type ApplicationTarget = (typeof applicationTargets)[number];

/** Throws UserError for a target that is unknown or not there yet. */
export function executionTarget(configuration: Configuration, whenUnknown: string): Target {
  const name = configuration.get('execution.target') ?? (configuration.has('yarn.application.id') ? 'yarn-session' : 'remote');
  const target = sessionTargets.find((known) => known === name);
  if (target !== undefined) return target;
  if ((laterTargets as readonly string[]).includes(name)) throw notThereYet(`The target ${name}`, name.split('-', 1)[0] as string);
  if ((applicationTargets as readonly string[]).includes(name)) {
    throw new UserError('APPLICATION_TARGET', {
      problem: `The target ${name} is for applications.`,
      tryNext: [`flink run-application -t ${name}`],
    });
  }
  const known = [...sessionTargets, ...laterTargets, ...applicationTargets];
  const closest = closestWord(name, known);
  throw new UserError('UNKNOWN_TARGET', {
    problem: whenUnknown,
    found: `execution.target is '${name}'.`,
    tryNext: closest === undefined ? [`Known targets: ${known.join(', ')}.`] : [`-t ${closest}`],
  });
}

/** Throws UserError unless the target is one for applications that is there. */
export function applicationTarget(configuration: Configuration): ApplicationTarget {
  const name = configuration.get('execution.target');
  const target = applicationTargets.find((known) => known === name);
  if (target !== undefined) return target;
  const later = name === 'kubernetes-application';
  throw new UserError(later ? 'NOT_THERE_YET' : 'NO_APPLICATION_TARGET', {
    problem: later
      ? `The target ${name} is not there yet.`
      : 'run-application needs an application target: -t standalone-application, -t yarn-application or -t kubernetes-application.',
    found: later || name === undefined ? undefined : `execution.target is '${name}'.`,
    tryNext: [
      'On this machine, with a JobManager of its own: -t standalone-application',
      'On YARN, or the resource manager of this machine: -t yarn-application',
      'On a session cluster: flink run',
    ],
  });
}

export function notThereYet(what: string, platform: string): UserError {
  return new UserError('NOT_THERE_YET', {
    problem: `${what} is not there yet: this version of Weir runs on standalone clusters, on the resource manager of one machine, and in one process.`,
    tryNext: [`Start a cluster with start-cluster.sh and leave the ${platform} options out, or use -t local.`],
  });
}

/** A client of the cluster that the configuration names. */
export async function connectToCluster(configuration: Configuration, terminal: Terminal): Promise<ClusterClient> {
  // Commands about jobs also reach the cluster of an application.
  const name = configuration.get('execution.target');
  if (name === 'yarn-application' || isYarnTarget(executionTarget(configuration, 'No ClusterClientFactory found.'))) {
    return (await connectToYarnCluster(configuration, terminal)).client;
  }
  const target = executionTarget(configuration, 'No ClusterClientFactory found.');
  if (target !== 'remote') {
    throw noClusterId(`execution.target is '${target}': such a job lives and ends with the command that ran it.`, ['-t remote']);
  }
  return new ClusterClient(restClientOptions(configuration));
}

export interface YarnCluster {
  readonly client: ClusterClient;
  readonly applicationId: string;
}

/** The JobManager of the application that yarn.application.id names, wherever it is started again. */
export async function connectToYarnCluster(configuration: Configuration, terminal: Terminal): Promise<YarnCluster> {
  const applicationId = configuration.get('yarn.application.id');
  if (applicationId === undefined) {
    throw noClusterId('Neither yarn.application.id nor a properties file of yarn-session names an application.', [
      'Name it: -yid application_…, or -Dyarn.application.id=application_…',
      'yarn application -list shows those that run.',
      'Start a session: yarn-session.sh -d',
    ]);
  }
  const [{ connectRunningYarn }, { restEndpointOf, runningApplication }] = await Promise.all([
    import('../../deployment/yarn/client/connect-yarn.ts'),
    import('../../deployment/yarn/client/find-cluster.ts'),
  ]);
  const connection = await connectRunningYarn(surroundingsOf(terminal, configuration));
  if (!connection) {
    throw new UserError('APPLICATION_OVER', {
      problem: `The Yarn application ${applicationId} doesn't run anymore: no resource manager runs on this machine.`,
      tryNext: ['yarn application -list -appStates ALL'],
    });
  }
  await runningApplication(connection.yarn, applicationId);
  return { client: yarnClusterClient(configuration, () => restEndpointOf(connection.yarn, applicationId)), applicationId };
}

export function yarnClusterClient(
  configuration: Configuration,
  findLeader: NonNullable<ConstructorParameters<typeof ClusterClient>[0]['findLeader']>,
): ClusterClient {
  // An application that is being started again answers in a while.
  const options = restClientOptions(configuration);
  return new ClusterClient({
    ...options,
    findLeader,
    waitForFirstContact: true,
    ...(configuration.has('rest.retry.max-attempts') ? {} : yarnRetries),
  });
}

/** Its address is asked for anew each time, which costs next to nothing. */
const yarnRetries = { maxAttempts: 120, retryDelayMs: 500 };

function noClusterId(found: string, tryNext: readonly string[]): UserError {
  return new UserError('NO_CLUSTER', {
    problem: 'No cluster id was specified. Please specify a cluster to which you would like to connect.',
    found,
    tryNext,
  });
}
