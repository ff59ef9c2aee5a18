/** Command lines are read by Flink's rules, and what Flink would silently misread is refused or mended. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../../src/commands/arguments/argument-error.ts';
import { normaliseArguments, type WordOrder } from '../../../src/commands/arguments/argument-normaliser.ts';
import { longName, type OptionSpec, type OptionTable } from '../../../src/commands/arguments/option-table.ts';
import { actions, clusterCommands, commandTable } from '../../../src/commands/base/command-table.ts';

async function tableOf(name: string): Promise<{ table: OptionTable; order: WordOrder }> {
  const Command = await (commandTable as typeof actions)[name]?.();
  if (!Command) throw new Error(`no command ${name}`);
  const command = new Command([], {} as never);
  return { table: command.table, order: command.wordOrder };
}

/** `key=value` for each option, then the free words behind `|`. */
async function read(command: string, argv: readonly string[]): Promise<string> {
  const { table, order } = await tableOf(command);
  const { options, words } = normaliseArguments(argv, table, order);
  return [...options.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`)), '|', ...words].join(' ');
}

async function refusal(command: string, argv: readonly string[]): Promise<{ message: string; hint: string | undefined }> {
  const error = await read(command, argv).then(
    (text) => new Error(`accepted as: ${text}`),
    (thrown: unknown) => thrown as Error,
  );
  return { message: error.message, hint: error instanceof ArgumentError ? error.hint : undefined };
}

describe('spellings of an option', () => {
  test.each([
    ['-p 4 job.ts', 'parallelism=4 | job.ts'],
    ['-p=4 job.ts', 'parallelism=4 | job.ts'],
    ['-p4 job.ts', 'parallelism=4 | job.ts'],
    ['--parallelism 4 job.ts', 'parallelism=4 | job.ts'],
    ['--parallelism=4 job.ts', 'parallelism=4 | job.ts'],
    ['-parallelism 4 job.ts', 'parallelism=4 | job.ts'],
    ['-parallelism=4 job.ts', 'parallelism=4 | job.ts'],
    ['-parallelism16 job.ts', 'parallelism=16 | job.ts'],
    ['--para 4 job.ts', 'parallelism=4 | job.ts'],
    ['-para 4 job.ts', 'parallelism=4 | job.ts'],
    ['--allow job.ts', 'allowNonRestoredState | job.ts'],
    ['-nd job.ts', 'allowNonRestoredState detached | job.ts'],
    ['-ndp4 job.ts', 'allowNonRestoredState detached parallelism=4 | job.ts'],
    ['-ndp 4 job.ts', 'allowNonRestoredState detached parallelism=4 | job.ts'],
    ['-sae job.ts', 'shutdownOnAttachedExit | job.ts'],
    ['-s /sp job.ts', 'fromSavepoint=/sp | job.ts'],
    ['-s/sp job.ts', 'fromSavepoint=/sp | job.ts'],
    ['-s=/a=b job.ts', 'fromSavepoint=/a=b | job.ts'],
    ['-rm claim job.ts', 'restoreMode=claim | job.ts'],
    ['-cm claim job.ts', 'claimMode=claim | job.ts'],
    ['-c Main -C file:///a -C file:///b job.ts', 'class=Main classpath=file:///a classpath=file:///b | job.ts'],
    ['-class Main job.ts', 'class=Main | job.ts'],
    ['-yjm 1024m -ytm 2g -ynm x job.ts', 'yarnjobManagerMemory=1024m yarntaskManagerMemory=2g yarnname=x | job.ts'],
    ['-yid application_1_1 job.ts', 'yarnapplicationId=application_1_1 | job.ts'],
    ['-ys 2 -yt a -yt b job.ts', 'yarnslots=2 yarnship=a yarnship=b | job.ts'],
    ['-m yarn-cluster -yd job.ts', 'jobmanager=yarn-cluster yarndetached | job.ts'],
    [
      '-py a.py -pym m -pyfs f -pyreq r#d -pyarch a#b -pyexec /p',
      'python=a.py pyModule=m pyFiles=f pyRequirements=r#d pyArchives=a#b pyExecutable=/p |',
    ],
    ['-pyclientexec c -pypath a:b', 'pyClientExecutable=c pyPythonPath=a:b |'],
    ['-p -1 job.ts', 'parallelism=-1 | job.ts'],
    ['-p 4 -p 5 job.ts', 'parallelism=4 | job.ts'],
    ['-p "4" job.ts', 'parallelism=4 | job.ts'],
    ['-- -p 4', '| -p 4'],
    ['-p 4 -- -q job.ts', 'parallelism=4 | -q job.ts'],
    ['-p 4', 'parallelism=4 |'],
    ['- x', '| - x'],
  ])('run %s', async (line, expected) => {
    expect(await read('run', line.split(' '))).toBe(expected);
  });

  test.each([
    ['ID -d -p', 'drain savepointPath | ID'],
    ['-p ID', 'savepointPath=ID |'],
    ['-p /dir ID', 'savepointPath=/dir | ID'],
    ['-p -d ID', 'savepointPath drain | ID'],
    ['--savepointPath /dir ID --drain', 'savepointPath=/dir drain | ID'],
    ['-type native ID', 'type=native | ID'],
    ['--type=canonical -detached ID', 'type=canonical detached | ID'],
  ])('stop %s', async (line, expected) => {
    expect(await read('stop', line.split(' '))).toBe(expected);
  });

  test.each([
    ['cancel', '-s ID', 'withSavepoint=ID |'],
    ['cancel', '-s /dir ID', 'withSavepoint=/dir | ID'],
    ['cancel', 'ID -s', 'withSavepoint | ID'],
    ['savepoint', '-d /sp', 'dispose=/sp |'],
    ['savepoint', '--dispose=/sp -j x', 'dispose=/sp jarfile=x |'],
    ['savepoint', 'ID /dir -detached', 'detached | ID /dir'],
    ['checkpoint', '-full ID', 'full | ID'],
    ['list', '-r -s -a', 'running scheduled all |'],
    ['list', '-rsa', 'running scheduled all |'],
    ['list', 'x -m host:1 y', 'jobmanager=host:1 | x y'],
    ['jobmanager', 'start -h host -r 8081 -D a=b', 'host=host webuiPort=8081 D=a=b | start'],
    ['jobmanager', 'start -Da=1 -Db=2', 'D=a=1 D=b=2 | start'],
    ['jobmanager', 'start host 8081', '| start host 8081'],
    ['taskmanager', 'start -D a=b -Dc=d', 'D=a=b D=c=d | start'],
    [
      'yarn-session',
      '-jm 1024 -tm 2g -s 3 -nm x -qu q -d -D a=b',
      'jobManagerMemory=1024 taskManagerMemory=2g slots=3 name=x queue=q detached D=a=b |',
    ],
    ['yarn-session', '-d unknown -s 3', 'detached | unknown -s 3'],
    ['sql-client', 'embedded -f a.sql -hist h', 'file=a.sql history=h | embedded'],
    [
      'standalone-job',
      'start -j main -jid 0 -s /sp -n job.ts -s x',
      'jobClassname=main jobId=0 fromSavepoint=/sp allowNonRestoredState | start job.ts -s x',
    ],
    ['standalone-job', 'start -jars a.ts --input x -D y', 'jars=a.ts | start --input x -D y'],
    ['standalone-job', 'start -Da=b -- -j x', 'D=a=b | start -j x'],
  ])('%s %s', async (command, line, expected) => {
    expect(await read(command, line.split(' '))).toBe(expected);
  });
});

describe('-D', () => {
  test.each([
    [['-Dk=v'], 'D=k=v |'],
    [['-D', 'k=v'], 'D=k=v |'],
    [['-Dk=a=b'], 'D=k=a=b |'],
    [['-D', 'k=a=b'], 'D=k=a=b |'],
    [['-Dk'], 'D=k |'],
    [['-Dk=1', '-Dk=2'], 'D=k=1 D=k=2 |'],
    [['-Dp=4'], 'D=p=4 |'],
    [['-Dk=v w'], 'D=k=v w |'],
    [['-yD', 'k=v'], 'yD=k=v |'],
    [['-yDk=v'], 'yD=k=v |'],
    [['-yDk=a=b'], 'yD=k=a=b |'],
    // Flink takes the program for the value.
    [['-D', 'k', 'job.ts'], 'D=k | job.ts'],
    [['-D', 'k=', 'job.ts'], 'D=k= | job.ts'],
  ])('%j', async (argv, expected) => {
    expect(await read('run', argv)).toBe(expected);
  });
});

describe('what is refused', () => {
  test.each([
    ['run', '--paralelism 4 job.ts', 'Unrecognized option: --paralelism', 'Did you mean --parallelism?'],
    ['run', '-paralelism 4 job.ts', 'Unrecognized option: -paralelism', 'Did you mean --parallelism?'],
    ['run', '-detach job.ts', undefined, undefined],
    ['run', '-x job.ts', 'Unrecognized option: -x', undefined],
    ['run', '-px job.ts', 'Unrecognized option: -px', undefined],
    ['run', '-p', 'Missing argument for option: p', undefined],
    ['run', '-p -d job.ts', 'Missing argument for option: p', undefined],
    ['run', '--parallelism', 'Missing argument for option: p', undefined],
    ['run', '-D', 'Missing argument for option: D', undefined],
    ['run', '--detached=yes job.ts', 'Unrecognized option: --detached=yes', 'Did you mean --detached?'],
    ['run', '--pyF', 'Missing argument for option: pyfs', undefined],
    [
      'run',
      '--py x',
      "Ambiguous option: '--py'  (could be: 'python', 'pyModule', 'pyFiles', 'pyRequirements', 'pyArchives', 'pyExecutable', 'pyClientExecutable', 'pyPythonPath')",
      undefined,
    ],
    ['list', '--runing', 'Unrecognized option: --runing', 'Did you mean --running?'],
    ['list', '-x', 'Unrecognized option: -x', undefined],
    ['list', '-m', 'Missing argument for option: m', undefined],
    ['cancel', '--withSavepoin x', undefined, undefined],
    ['cancel', '--withSavepiont x', 'Unrecognized option: --withSavepiont', 'Did you mean --withSavepoint?'],
    ['savepoint', '-d', 'Missing argument for option: d', undefined],
    ['taskmanager', 'start --foo', 'Unrecognized option: --foo', undefined],
    ['standalone-job', 'start --job-clasname x', 'Unrecognized option: --job-clasname', 'Did you mean --job-classname?'],
  ])('%s %s', async (command, line, message, hint) => {
    const words = line.split(' ');
    if (message === undefined) await expect(read(command, words)).resolves.toBeDefined();
    else expect(await refusal(command, words)).toEqual({ message, hint });
  });
});

describe('options without effect are accepted and named', () => {
  test.each([
    ['run', '-q job.ts', '-q has no effect: log lines do not go to stdout.'],
    ['run', '-yn 4 job.ts', '-yn has no effect: TaskManagers are started as they are needed.'],
    ['run', '-yst job.ts', '-yst has no effect: every session can run streams.'],
    ['run', '-p 1 -p 2 job.ts', '-p was given more than once; the first value counts.'],
    ['yarn-session', '-n 4', '-n has no effect: TaskManagers are started as they are needed.'],
    ['jobmanager', 'start -x cluster', '-x has no effect: there is one mode.'],
    ['jobmanager', 'start --configDir /c', '-c has no effect: set FLINK_CONF_DIR instead.'],
  ])('%s %s', async (command, line, hint) => {
    const { table, order } = await tableOf(command);
    expect(normaliseArguments(line.split(' '), table, order).hints).toEqual([hint]);
  });
});

describe('what belongs to the program', () => {
  const anyWord = fc.oneof(
    fc.string(),
    fc.constantFrom('-p', '4', '--', '-h', '--help', '-Dk=v', '-D', '-s', '--parallelism=3', '', '-', '"x"'),
  );

  test('whatever follows the program is handed on untouched', async () => {
    const { table, order } = await tableOf('run');
    fc.assert(
      fc.property(fc.array(anyWord), (args) => {
        expect(normaliseArguments(['-p', '4', 'job.ts', ...args], table, order).words).toEqual(['job.ts', ...args]);
        expect(normaliseArguments(['--', 'job.ts', ...args], table, order).words).toEqual(['job.ts', ...args]);
      }),
    );
  });

  test('an application gets what follows its first argument, whatever that looks like', async () => {
    const { table, order } = await tableOf('standalone-job');
    fc.assert(
      fc.property(fc.constantFrom('job.ts', '--unrelated-thing', '-w'), fc.array(anyWord), (first, args) => {
        expect(normaliseArguments(['start', '-Dk=v', first, ...args], table, order).words).toEqual(['start', first, ...args]);
      }),
    );
  });
});

/** All ways to write one option; the value is a word that is no option. */
function spellings(key: string, spec: OptionSpec, value: string): string[][] {
  const long = longName(key, spec);
  if (spec.property) return [[`-${spec.short}${value}`], [`-${spec.short}`, value]];
  const names = [...(spec.short === undefined ? [] : [`-${spec.short}`]), ...(long === undefined ? [] : [`--${long}`, `-${long}`])];
  if (spec.argument === undefined) return names.map((name) => [name]);
  return names.flatMap((name) => [[name, value], [`${name}=${value}`]]);
}

test.each(Object.keys({ ...actions, ...clusterCommands }))(
  '%s: every option in every spelling, in any order, is read as itself',
  async (name) => {
    const { table, order } = await tableOf(name);
    const usable = Object.entries(table).filter(([, spec]) => spec.obsolete === undefined && spec.rest === undefined);
    if (usable.length === 0) return;
    const choice = fc.constantFrom(...usable).chain(([key, spec]) =>
      fc.constantFrom('7', 'k=v', 'a.b').chain((value) => {
        const given = spec.numeric ? '7' : spec.property ? 'k=v' : value;
        return fc
          .constantFrom(...spellings(key, spec, given))
          .map((words) => ({ key, value: spec.argument === undefined ? undefined : given, words }));
      }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(choice, { selector: ({ key }) => key, maxLength: 6 }), (chosen) => {
        const { options, words } = normaliseArguments(
          chosen.flatMap((option) => option.words),
          table,
          order,
        );
        expect(options).toEqual(chosen.map(({ key, value }) => ({ key, value })));
        expect(words).toEqual([]);
      }),
    );
  },
);

test.each(Object.keys(commandTable))('%s: no two options share a name', async (name) => {
  const { table } = await tableOf(name);
  const names = Object.entries(table).flatMap(([key, spec]) => [
    spec.short && `-${spec.short}`,
    longName(key, spec) && `--${longName(key, spec)}`,
  ]);
  const given = names.filter(Boolean);
  expect(given.filter((each, index) => given.indexOf(each) !== index)).toEqual([]);
});
