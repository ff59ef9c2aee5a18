/**
 * All commands, by name. A command's module is loaded when it is called, or when its help is printed. The first group and its
 * order are those of Flink's full help; the second holds what Flink has as scripts, and what only Weir has.
 */
import type { ActionCommand } from './action-command.ts';

/** A table of commands with different option tables. */
export type AnyActionCommand = ActionCommand<any>;
export type ActionCommandClass = new (...args: ConstructorParameters<typeof ActionCommand>) => AnyActionCommand;

export const actions: Readonly<Record<string, () => Promise<ActionCommandClass>>> = {
  run: async () => (await import('../run.ts')).Run,
  'run-application': async () => (await import('../run-application.ts')).RunApplication,
  info: async () => (await import('../info.ts')).Info,
  list: async () => (await import('../list.ts')).List,
  stop: async () => (await import('../stop.ts')).Stop,
  cancel: async () => (await import('../cancel.ts')).Cancel,
  savepoint: async () => (await import('../savepoint.ts')).Savepoint,
  checkpoint: async () => (await import('../checkpoint.ts')).Checkpoint,
};

export const clusterCommands: Readonly<Record<string, () => Promise<ActionCommandClass>>> = {
  'start-cluster': async () => (await import('../start-cluster.ts')).StartCluster,
  'stop-cluster': async () => (await import('../stop-cluster.ts')).StopCluster,
  jobmanager: async () => (await import('../jobmanager.ts')).JobManager,
  taskmanager: async () => (await import('../taskmanager.ts')).TaskManager,
  'standalone-job': async () => (await import('../standalone-job.ts')).StandaloneJob,
  historyserver: async () => (await import('../historyserver.ts')).HistoryServer,
  'yarn-session': async () => (await import('../yarn-session.ts')).YarnSession,
  yarn: async () => (await import('../yarn.ts')).Yarn,
  'kubernetes-session': async () => (await import('../kubernetes-session.ts')).KubernetesSession,
  'sql-client': async () => (await import('../sql-client.ts')).SqlClient,
  config: async () => (await import('../config.ts')).Config,
};

export const commandTable = { ...actions, ...clusterCommands };
