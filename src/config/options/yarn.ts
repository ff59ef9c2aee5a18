/** Options of YARN. */
import type { Option } from '../option.ts';
import { reasons } from './reasons.ts';

export const yarnOptions = {
  'env.yarn.conf.dir': { type: 'string', description: "Directory of YARN's configuration files." },
  'external-resource.<name>.yarn.config-key': { type: 'string', description: 'Name of the resource in YARN.', notYet: reasons.yarn },
  'yarn.application.id': { type: 'string', description: 'Application of a running cluster.' },
  'yarn.application.name': { type: 'string', description: 'Name of the application; the same as -nm.' },
  'yarn.application.queue': { type: 'string', description: 'Queue of the application; the same as -qu.' },
  'yarn.application.type': { type: 'string', description: 'Type of the application; the same as -at.' },
  'yarn.application.priority': { type: 'int', default: '-1', description: 'Priority; higher goes first.' },
  'yarn.application.node-label': { type: 'string', description: 'Label of the nodes; the same as -nl.' },
  'yarn.application-attempts': { type: 'int', description: 'How often YARN starts the JobManager.' },
  'yarn.application-attempt-failures-validity-interval': {
    type: 'duration',
    default: '10000',
    description: 'Time within which failed attempts count; -1 is for ever.',
  },
  'yarn.application-master.port': { type: 'string', default: '0', description: "Ports of the JobManager's RPC." },
  'yarn.appmaster.vcores': { type: 'int', default: '1', description: "Cores of the JobManager's container." },
  'yarn.containers.vcores': {
    type: 'int',
    default: '-1',
    description: "Cores of a TaskManager's container; -1 is one for each slot.",
  },
  'yarn.flink-dist-jar': { type: 'string', description: 'Package of the installation; the same as -j.' },
  'yarn.ship-directories': { type: 'list' },
  'yarn.ship-files': { type: 'list', fallback: ['yarn.ship-directories'], description: 'Files and directories to ship; the same as -t.' },
  'yarn.ship-archives': { type: 'list', description: 'Archives to ship and unpack.' },
  'yarn.provided.lib.dirs': { type: 'list', description: 'Directories with an installation that all nodes reach.' },
  'yarn.per-job-cluster.include-user-jar': { type: 'enum', values: ['DISABLED', 'FIRST', 'LAST', 'ORDER'], default: 'ORDER' },
  'yarn.classpath.include-user-jar': {
    type: 'enum',
    values: ['DISABLED', 'FIRST', 'LAST', 'ORDER'],
    default: 'ORDER',
    fallback: ['yarn.per-job-cluster.include-user-jar'],
    description: 'Where the program stands in the class path.',
    notApplicable: reasons.modules,
  },
  'yarn.file-replication': {
    type: 'int',
    default: '-1',
    description: "Copies of shipped files; -1 is Hadoop's default.",
    notYet: reasons.yarn,
  },
  'yarn.staging-directory': { type: 'string', description: "Directory for shipped files. Unset: the user's home." },
  'yarn.properties-file.location': {
    type: 'string',
    description: 'Directory of the file that names the running session.',
  },
  'yarn.heartbeat.interval': {
    type: 'int',
    default: '5',
    fallback: ['yarn.heartbeat-delay'],
    description: 'Seconds between two heartbeats to YARN.',
  },
  'yarn.heartbeat.container-request-interval': {
    type: 'duration',
    default: '500',
    description: 'The same while containers are wanted.',
  },
  'yarn.tags': { type: 'string', description: 'Tags of the application, with commas.' },
  'yarn.security.kerberos.ship-local-keytab': {
    type: 'boolean',
    default: 'true',
    description: 'Whether the keytab is shipped.',
    notYet: reasons.kerberos,
  },
  'yarn.security.kerberos.localized-keytab-path': {
    type: 'string',
    default: 'krb5.keytab',
    description: 'Where it is in the container.',
    notYet: reasons.kerberos,
  },
  'yarn.security.kerberos.additionalFileSystems': {
    type: 'list',
    description: 'Further file systems to get tokens for.',
    notYet: reasons.kerberos,
  },
  'flink.hadoop.<key>': { type: 'string', description: "Becomes <key> of Hadoop's configuration.", notYet: reasons.hadoop },
  'flink.yarn.<key>': {
    type: 'string',
    description: "Becomes yarn.<key> of YARN's configuration; docs/operations/yarn.md lists what the embedded resource manager reads.",
  },
} as const satisfies Record<string, Option>;
