/** Finds the command that the first word names and runs it; answers for what is no command. */
import type { Config } from '@oclif/core/interfaces';
import { isSensitive } from '../../config/configuration.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { buildCommit, weirVersion } from '../../shared/installation.ts';
import { actionHelp } from './action-help.ts';
import { type AnyActionCommand, actions, clusterCommands, commandTable } from './command-table.ts';
import type { Terminal } from './terminal.ts';

/** Runs a command line to its end and gives the exit code. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  switch (name) {
    case undefined:
      await printFullHelp(terminal);
      terminal.out('Please specify an action.');
      return 1;
    case '-h':
    case '--help':
      await printFullHelp(terminal);
      return 0;
    case '-v':
    case '--version':
      terminal.out(versionLine());
      return 0;
    default:
      return Object.hasOwn(commandTable, name) ? runCommand(name, rest, terminal) : refuseAction(name, terminal);
  }
}

async function runCommand(name: string, argv: string[], terminal: Terminal): Promise<number> {
  const command = await createCommand(name, argv);
  command.terminal = terminal;
  terminal.log.info(`Called as: flink ${[name, ...argv.map(withoutSecret)].join(' ')}`);
  try {
    await command.execute();
  } catch (error) {
    // Outside the action: nothing of the user's, so the bare stack helps most.
    terminal.err(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 31;
  }
  return command.exitCode;
}

function withoutSecret(word: string): string {
  const [key = ''] = word.split('=', 1);
  return isSensitive(key) ? `${key}=******` : word;
}

async function createCommand(name: string, argv: string[]): Promise<AnyActionCommand> {
  const CommandClass = await (commandTable[name as keyof typeof commandTable] as (typeof actions)[string])();
  return new CommandClass(argv, oclifConfig);
}

/** What oclif's Command asks of its configuration; loading the whole plugin system would cost more than the command. */
const oclifConfig = {
  bin: 'flink',
  scopedEnvVarKeys: () => [],
  runHook: async () => ({ successes: [], failures: [] }),
} as unknown as Config & ConstructorParameters<typeof import('@oclif/core/command')['Command']>[1];

async function printFullHelp(terminal: Terminal): Promise<void> {
  const print = (text: string): void => terminal.out(text.replace(/\n$/, ''));
  print('./flink <ACTION> [OPTIONS] [ARGUMENTS]');
  print('');
  print('The following actions are available:');
  for (const name of Object.keys(actions)) print(actionHelp((await createCommand(name, [])).action));
  print('');
  print('Commands that manage processes on this machine, each also a script in bin/ (flink <command> -h explains it):');
  print(`  ${Object.keys(clusterCommands).join(', ')}`);
  print('');
}

export function versionLine(): string {
  const commit = buildCommit();
  return `Version: ${weirVersion()}${commit === undefined ? '' : `, Commit ID: ${commit}`}`;
}

function refuseAction(name: string, terminal: Terminal): number {
  for (const line of [
    `"${name}" is not a valid action.`,
    '',
    'Valid actions are "run", "run-application", "list", "info", "savepoint", "stop", or "cancel".',
    '',
    'Specify the version option (-v or --version) to print Flink version.',
    '',
    'Specify the help option (-h or --help) to get help on the command.',
  ]) {
    terminal.out(line);
  }
  terminal.err(`Hint: ${actionHint(name)}`);
  return 1;
}

function actionHint(name: string): string {
  if (name.startsWith('-')) return 'The action must be the first word: flink run -p 4 job.ts';
  const closest = closestWord(name, Object.keys(commandTable));
  return closest === undefined ? `There are also: checkpoint, ${Object.keys(clusterCommands).join(', ')}.` : `Did you mean ${closest}?`;
}
