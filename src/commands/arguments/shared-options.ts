/** Options that several actions share: how a cluster is found, and configuration keys. */
import type { OptionTable } from './option-table.ts';

/** On every action; Flink accepts `-v` there without effect. */
export const commonOptions = {
  help: { short: 'h', summary: 'Prints this help.', hidden: true },
  verbose: { short: 'v', summary: 'Prints errors with their whole stack.' },
} as const satisfies OptionTable;

/** Also on every action, except where `-h` is the host. */
export const genericOptions = {
  target: {
    short: 't',
    argument: 'arg',
    summary:
      'Where the program runs: remote (the cluster that -m or the configuration names; the default), local (in this process), yarn-session, yarn-per-job, kubernetes-session; for run-application standalone-application (a JobManager of this machine, for this program), yarn-application or kubernetes-application. The same as execution.target.',
  },
  executor: { short: 'e', argument: 'arg', summary: 'The older name of --target; --target wins when both are given.' },
  D: {
    short: 'D',
    long: null,
    argument: 'property=value',
    repeatable: true,
    property: true,
    summary: 'Sets a configuration key for this call; may be given several times. Without a value the key is set to true.',
  },
} as const satisfies OptionTable;

export const connectionOptions = {
  jobmanager: {
    short: 'm',
    argument: 'arg',
    summary: 'Address (host:port) of the REST endpoint of the JobManager to connect to; yarn-cluster chooses YARN.',
  },
  zookeeperNamespace: { short: 'z', argument: 'arg', summary: 'Id of a highly available cluster (high-availability.cluster-id).' },
} as const satisfies OptionTable;

export const yarnOptions = {
  yarnapplicationId: { short: 'yid', argument: 'arg', summary: 'Joins the running YARN session with this application id.' },
  yarnapplicationType: { short: 'yat', argument: 'arg', summary: 'Type of the application on YARN.' },
  yD: {
    short: 'yD',
    long: null,
    argument: 'property=value',
    repeatable: true,
    property: true,
    summary: 'Sets a configuration key, as -D.',
  },
  yarndetached: { short: 'yd', summary: 'The older spelling of -d.' },
  yarnhelp: { short: 'yh', summary: 'Prints the help of the YARN session.' },
  yarnjar: { short: 'yj', argument: 'arg', summary: 'Path of the distribution that is shipped (yarn.flink-dist-jar).' },
  yarnjobManagerMemory: { short: 'yjm', argument: 'arg', summary: 'Memory of the JobManager, with a unit (default: MB).' },
  yarntaskManagerMemory: { short: 'ytm', argument: 'arg', summary: 'Memory of each TaskManager, with a unit (default: MB).' },
  yarnnodeLabel: { short: 'ynl', argument: 'arg', summary: 'Node label of the application.' },
  yarnname: { short: 'ynm', argument: 'arg', summary: 'Name of the application on YARN.' },
  yarnquery: { short: 'yq', summary: 'Shows the resources that YARN has.' },
  yarnqueue: { short: 'yqu', argument: 'arg', summary: 'YARN queue.' },
  yarnslots: { short: 'ys', argument: 'arg', numeric: true, summary: 'Slots of each TaskManager.' },
  yarnship: { short: 'yt', argument: 'arg', repeatable: true, summary: 'Ships the files of this directory.' },
  yarnzookeeperNamespace: { short: 'yz', argument: 'arg', summary: 'Id of a highly available cluster; wins over -z.' },
  yarncontainer: {
    short: 'yn',
    argument: 'arg',
    hidden: true,
    summary: 'Number of TaskManagers.',
    obsolete: 'TaskManagers are started as they are needed.',
  },
  yarnstreaming: { short: 'yst', hidden: true, summary: 'Streaming mode.', obsolete: 'every session can run streams.' },
} as const satisfies OptionTable;

/** What every action that talks to a cluster understands. */
export const clusterOptions = { ...commonOptions, ...genericOptions, ...connectionOptions, ...yarnOptions } as const satisfies OptionTable;
