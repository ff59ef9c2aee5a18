/** Help pages and the lines about actions that are none, byte by byte. After a wanted change: npx vitest run test/commands --update. */
import { describe, expect, test } from 'vitest';
import { actions, clusterCommands, commandTable } from '../../src/commands/base/command-table.ts';
import { weirVersion } from '../../src/shared/installation.ts';
import { runInProcess } from '../harness/recording-terminal.ts';

const golden = (name: string): string => `../golden/help/${name}.txt`;

test.each(Object.keys(commandTable))('%s --help', async (name) => {
  const help = await runInProcess([name, '--help']);
  expect(help).toMatchObject({ exitCode: 0, stderr: '' });
  for (const line of help.stdout.split('\n').filter((each) => each.startsWith(' '))) expect(line.length).toBeLessThanOrEqual(80);
  await expect(help.stdout).toMatchFileSnapshot(golden(name));
});

test.each(Object.keys(actions))('%s -h says the same, whatever else is on the line', async (name) => {
  const { stdout } = await runInProcess([name, '--help']);
  expect(await runInProcess([name, '-h'])).toEqual({ exitCode: 0, stdout, stderr: '' });
  expect(await runInProcess([name, '-v', '-h', '-m', 'localhost:1'])).toEqual({ exitCode: 0, stdout, stderr: '' });
});

describe('flink', () => {
  test.each(['-h', '--help'])('%s prints the help of every action', async (option) => {
    const full = await runInProcess([option]);
    expect(full).toMatchObject({ exitCode: 0, stderr: '' });
    expect(full.stdout.startsWith('./flink <ACTION> [OPTIONS] [ARGUMENTS]\n\nThe following actions are available:\n')).toBe(true);
    const headings = [...full.stdout.matchAll(/^Action "([a-z-]+)" /gm)].map((match) => match[1]);
    expect(headings).toEqual(['run', 'run-application', 'info', 'list', 'stop', 'cancel', 'savepoint', 'checkpoint']);
    for (const name of headings) expect(full.stdout).toContain((await runInProcess([name as string, '-h'])).stdout.trimEnd());
    for (const name of Object.keys(clusterCommands)) expect(full.stdout).toContain(name);
  });

  test('without a word it prints the help and asks for an action', async () => {
    const { stdout } = await runInProcess(['-h']);
    expect(await runInProcess([])).toEqual({ exitCode: 1, stdout: `${stdout}Please specify an action.\n`, stderr: '' });
  });

  test.each(['-v', '--version'])('%s', async (option) => {
    const version = await runInProcess([option]);
    expect(version).toMatchObject({ exitCode: 0, stderr: '' });
    expect(version.stdout).toMatch(new RegExp(`^Version: ${weirVersion().replaceAll('.', '\\.')}(, Commit ID: [0-9a-f]{7,})?\\n$`));
  });

  test.each([
    ['foo', 'There are also: checkpoint, '],
    ['rnu', 'Did you mean run?'],
    ['canel', 'Did you mean cancel?'],
    ['start-clutser', 'Did you mean start-cluster?'],
    ['-p', 'The action must be the first word: flink run -p 4 job.ts'],
    ['toString', 'There are also: '],
  ])('%s is no action', async (name, hint) => {
    const refused = await runInProcess([name]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toBe(
      [
        `"${name}" is not a valid action.`,
        '',
        'Valid actions are "run", "run-application", "list", "info", "savepoint", "stop", or "cancel".',
        '',
        'Specify the version option (-v or --version) to print Flink version.',
        '',
        'Specify the help option (-h or --help) to get help on the command.',
        '',
      ].join('\n'),
    );
    expect(refused.stderr).toContain(`Hint: ${hint}`);
  });
});
