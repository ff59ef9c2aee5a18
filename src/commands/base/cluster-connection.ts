/** From the options of a command to a client of the right cluster. Targets without an engine yet are refused here. */
import { ClusterClient } from '../../client/cluster-client.ts';
import { restClientOptions } from '../../client/rest-client.ts';
import type { Configuration } from '../../config/configuration.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { UserError } from '../../shared/errors.ts';

const sessionTargets = ['remote', 'local', 'collection'] as const;
const laterTargets = ['yarn-session', 'yarn-per-job', 'kubernetes-session', 'yarn-application', 'kubernetes-application'] as const;

export type Target = (typeof sessionTargets)[number];

/** Of run-application: a JobManager of this machine, started for the program. */
export const standaloneApplication = 'standalone-application';

/** Throws UserError for a target that is unknown or not there yet. */
export function executionTarget(configuration: Configuration, whenUnknown: string): Target {
  const name = configuration.get('execution.target') ?? 'remote';
  const target = sessionTargets.find((known) => known === name);
  if (target !== undefined) return target;
  if ((laterTargets as readonly string[]).includes(name)) throw notThereYet(`The target ${name}`, name.split('-', 1)[0] as string);
  if (name === standaloneApplication) {
    throw new UserError('APPLICATION_TARGET', {
      problem: `The target ${name} is for applications.`,
      tryNext: [`flink run-application -t ${name}`],
    });
  }
  const closest = closestWord(name, [...sessionTargets, ...laterTargets]);
  throw new UserError('UNKNOWN_TARGET', {
    problem: whenUnknown,
    found: `execution.target is '${name}'.`,
    tryNext: closest === undefined ? [`Known targets: ${[...sessionTargets, ...laterTargets].join(', ')}.`] : [`-t ${closest}`],
  });
}

/** Throws UserError unless the target is one for applications that is there. */
export function applicationTarget(configuration: Configuration): typeof standaloneApplication {
  const name = configuration.get('execution.target');
  if (name === standaloneApplication) return name;
  const later = name === 'yarn-application' || name === 'kubernetes-application';
  throw new UserError(later ? 'NOT_THERE_YET' : 'NO_APPLICATION_TARGET', {
    problem: later
      ? `The target ${name} is not there yet.`
      : 'run-application needs an application target: -t standalone-application, -t yarn-application or -t kubernetes-application.',
    found: later || name === undefined ? undefined : `execution.target is '${name}'.`,
    tryNext: [`On this machine, with a JobManager of its own: -t ${standaloneApplication}`, 'On a session cluster: flink run'],
  });
}

export function notThereYet(what: string, platform: string): UserError {
  return new UserError('NOT_THERE_YET', {
    problem: `${what} is not there yet: this version of Weir runs on standalone clusters and in one process.`,
    tryNext: [`Start a cluster with start-cluster.sh and leave the ${platform} options out, or use -t local.`],
  });
}

/** A client of the cluster that the configuration names. */
export function connectToCluster(configuration: Configuration): ClusterClient {
  const target = executionTarget(configuration, 'No ClusterClientFactory found.');
  if (target !== 'remote') {
    throw new UserError('NO_CLUSTER', {
      problem: 'No cluster id was specified. Please specify a cluster to which you would like to connect.',
      found: `execution.target is '${target}': such a job lives and ends with the command that ran it.`,
      tryNext: ['-t remote'],
    });
  }
  return new ClusterClient(restClientOptions(configuration));
}
