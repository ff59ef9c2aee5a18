/** Wrong command lines: the message on stdout, a pointer to the help, exit code 1; what Weir adds is on stderr. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runInProcess } from '../harness/recording-terminal.ts';

let directory: string;
let program: string;
let environment: Record<string, string>;
let settings: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-arguments-'));
  program = join(directory, 'job.ts');
  writeFileSync(program, 'export default () => {};\n');
  mkdirSync(join(directory, 'conf'));
  mkdirSync(join(directory, 'empty'));
  settings = `rest.port: 1\nweir.yarn.directory: ${directory}/yarn\nyarn.properties-file.location: ${directory}\n`;
  writeFileSync(join(directory, 'conf', 'flink-conf.yaml'), settings);
  environment = { FLINK_CONF_DIR: join(directory, 'conf'), FLINK_LOG_DIR: join(directory, 'log'), FLINK_PID_DIR: join(directory, 'pid') };
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const jobId = 'fd72014d4c864993a2e5a9287b4a9c5d';

/** JOB stands for a program, EMPTY for a directory without one. */
const cases: readonly [line: string, message: string, hint?: string][] = [
  ['run', 'Java program should be specified a JAR file.'],
  ['run-application', 'Java program should be specified a JAR file.'],
  ['info', 'Java program should be specified a JAR file.'],
  ['run -p 4', 'Java program should be specified a JAR file.'],
  ['run nofile.ts', 'Could not get job jar and dependencies from JAR file: JAR file does not exist: nofile.ts'],
  ['info nofile.ts', 'Could not get job jar and dependencies from JAR file: JAR file does not exist: nofile.ts'],
  ['run -j nofile.ts x', 'Could not get job jar and dependencies from JAR file: JAR file does not exist: nofile.ts'],
  ['run -- -q', 'Could not get job jar and dependencies from JAR file: JAR file does not exist: -q'],
  ['run EMPTY', 'Could not get job jar and dependencies from JAR file: JAR file is not a file: EMPTY', 'Name the module: EMPTY/index.ts'],
  ['run -p 0 JOB', 'The parallelism must be a positive number: 0'],
  ['run -p x JOB', 'The parallelism must be a positive number: x'],
  ['run -p -1 JOB', 'The parallelism must be a positive number: -1'],
  ['run -p 2147483648 JOB', 'The parallelism must be a positive number: 2147483648'],
  ['run -p 1.5 JOB', 'The parallelism must be a positive number: 1.5'],
  ['info -p 0 JOB', 'The parallelism must be a positive number: 0'],
  ['run -C foo JOB', 'Bad syntax for classpath: foo', '-C takes a URL: file:///path/to/module.js'],
  ['run -C JOB JOB', 'Bad syntax for classpath: JOB', '-C takes a URL: file://JOB'],
  ['run -q', 'Java program should be specified a JAR file.', '-q has no effect'],
  ['run --paralelism 4 JOB', 'Unrecognized option: --paralelism', 'Did you mean --parallelism?'],
  ['run -unknown JOB', 'Unrecognized option: -unknown'],
  ['run -ys x JOB', 'The number of slots must be a positive number: x'],
  ['run -ys 0 JOB', 'The number of slots must be a positive number: 0'],
  [
    'run -py a.py',
    'Python command line option detected but the flink-python module seems to be missing or not working as expected.',
    'Weir runs TypeScript and JavaScript programs.',
  ],
  [
    'run -pym m -pyfs f',
    'Python command line option detected but the flink-python module seems to be missing or not working as expected.',
    'Weir runs TypeScript and JavaScript programs.',
  ],
  ['list --foo', 'Unrecognized option: --foo'],
  ['list -m', 'Missing argument for option: m'],
  ['cancel', 'Missing JobID. Specify a JobID to cancel a job.'],
  ['cancel -s', 'Missing JobID. Specify a JobID to cancel a job.'],
  ['cancel abc', 'Cannot parse JobID from "abc".', 'this one has 3'],
  [`cancel ${jobId}0`, `Cannot parse JobID from "${jobId}0".`, 'this one has 33'],
  ['cancel word-count', 'Cannot parse JobID from "word-count".', 'for example fd72014d4c864993a2e5a9287b4a9c5d'],
  ['stop', 'Missing JobId'],
  ['stop -p', 'Missing JobId'],
  ['stop -p /dir', 'Cannot parse JobID from "/dir".'],
  ['stop x', 'Cannot parse JobID from "x".'],
  [`stop -type foo ${jobId}`, 'Unknown savepoint format type: foo. Known types are canonical and native.'],
  ['savepoint', 'Missing JobID. Specify a Job ID to trigger a savepoint.'],
  ['savepoint x /dir', 'Cannot parse JobID from "x".'],
  ['savepoint -d', 'Missing argument for option: d'],
  [`savepoint -type foo ${jobId}`, 'Unknown savepoint format type: foo. Known types are canonical and native.'],
  ['checkpoint', 'Missing JobID. Specify a Job ID to manipulate a checkpoint.'],
  ['checkpoint x', 'Cannot parse JobID from "x".'],
];

test.each(cases)('%s', async (line, message, hint) => {
  const named = (text: string): string => text.replaceAll('JOB', program).replaceAll('EMPTY', join(directory, 'empty'));
  const refused = await runInProcess(line.split(' ').map(named), environment);
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout.replace(/^DEPRECATION WARNING: .*\n/, '')).toBe(
    `${named(message)}\n\nUse the help option (-h or --help) to get help on the command.\n`,
  );
  if (hint === undefined) expect(refused.stderr.replace(/^Hint: A job id has .*\n/, '')).toBe('');
  else expect(refused.stderr).toContain(named(hint));
});

/** Beyond the words themselves: Flink's frame on stderr. */
test.each([
  ['run -m localhost JOB', "The given host:port ('localhost') doesn't contain a valid port"],
  ['list -m localhost:99999', "The given host:port ('localhost:99999') doesn't contain a valid port"],
  ['list -m :8081', "The given host:port (':8081') doesn't contain a valid port"],
  ['run -t nonsense JOB', 'No ExecutorFactory found to execute the application.'],
  ['run -t remot JOB', 'Try: -t remote'],
  ['list -t nonsense', 'No ClusterClientFactory found.'],
  ['list -t local', 'No cluster id was specified. Please specify a cluster to which you would like to connect.'],
  ['run -t yarn-session JOB', 'No cluster id was specified. Please specify a cluster to which you would like to connect.'],
  ['run -yid application_1_0001 JOB', "The Yarn application application_1_0001 doesn't run anymore"],
  ['list -yid application_1_0001', "The Yarn application application_1_0001 doesn't run anymore"],
  ['run -t kubernetes-session JOB', 'The target kubernetes-session is not there yet'],
  ['run -rm none -s /sp JOB', "There is no restore mode 'none'."],
  ['run -cm none -s /sp JOB', "There is no restore mode 'none'."],
  ['run -Dparallelism.default=x JOB', "Could not parse value 'x' for key 'parallelism.default'."],
  [
    'run-application JOB',
    'run-application needs an application target: -t standalone-application, -t yarn-application or -t kubernetes-application.',
  ],
  ['run-application -t remote JOB', "execution.target is 'remote'."],
  ['run -t standalone-application JOB', 'Try: flink run-application -t standalone-application'],
  ['run -t yarn-application JOB', 'Try: flink run-application -t yarn-application'],
  [`cancel ${jobId}`, 'There is no JobManager at localhost:1.'],
])('%s', async (line, message) => {
  const failed = await runInProcess(
    line.split(' ').map((word) => word.replace('JOB', program)),
    environment,
  );
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout.replace(/^Cancelling job .*\n/, '')).toBe('');
  expect(failed.stderr).toMatch(/^\n-{60}\n The program finished with the following exception:\n\n/);
  expect(failed.stderr).toContain(message);
  expect(failed.stderr).not.toMatch(/^ +at /m);
});

test('a missing configuration directory is named', async () => {
  const failed = await runInProcess(['list'], { FLINK_CONF_DIR: '/no/such/directory' });
  expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
  expect(failed.stderr).toContain(
    "The configuration directory '/no/such/directory', specified in the 'FLINK_CONF_DIR' environment variable, does not exist.",
  );
});

test('a malformed line of the configuration is a warning on stderr', async () => {
  writeFileSync(join(directory, 'conf', 'flink-conf.yaml'), 'rest.port: 1\nfoo:bar\n');
  const failed = await runInProcess(['list'], environment);
  expect(failed.stdout).toBe('Waiting for response...\n');
  expect(failed.stderr).toMatch(/^WARNING: .*flink-conf\.yaml:2: the line is skipped\. Is the space after the colon missing\?\n\n-{60}\n/);
  writeFileSync(join(directory, 'conf', 'flink-conf.yaml'), settings);
});

test('-v shows where in Weir it failed', async () => {
  const failed = await runInProcess(['list', '-v'], environment);
  expect(failed.stderr).toMatch(/There is no JobManager at localhost:1\.[\s\S]*\n +at /);
});

test.each([
  ['kubernetes-session -Dkubernetes.cluster-id=x', 'kubernetes-session is not there yet'],
  ['sql-client embedded -f x.sql', 'SQL is not there yet'],
  ['historyserver start', 'The history server is not there yet.'],
])('%s says that it comes later', async (line, message) => {
  const refused = await runInProcess(line.split(' '), environment);
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).toContain(message);
  expect(refused.stderr).not.toMatch(/^ +at /m);
});

test('historyserver knows its verbs', async () => {
  expect(await runInProcess(['historyserver', 'restart'], environment)).toEqual({
    exitCode: 1,
    stdout:
      "Unexpected argument 'restart'. Usage: flink-daemon.sh (start|stop|stop-all) (taskexecutor|zookeeper|historyserver|standalonesession|standalonejob) [args].\n",
    stderr: '',
  });
});
