/**
 * The frame of every command: arguments are normalised by the action's own table, oclif parses the canonical form, help is
 * printed, and each kind of failure gets Flink's stream, text and exit code. A command adds what it does.
 */
import { Command } from '@oclif/core/command';
import { exceptionBlock, fullText } from '../../client/exception-block.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import { normaliseArguments, type WordOrder } from '../arguments/argument-normaliser.ts';
import { oclifFlags, oclifWords } from '../arguments/oclif-flags.ts';
import type { OptionTable, ParsedOptions } from '../arguments/option-table.ts';
import { type ActionDescription, actionHelp } from './action-help.ts';
import { progressOf } from './progress.ts';
import type { Terminal } from './terminal.ts';

export interface Arguments<T extends OptionTable> {
  readonly options: ParsedOptions<T>;
  /** Free words: the job id, or the program and its arguments. */
  readonly words: readonly string[];
}

export abstract class ActionCommand<T extends OptionTable> extends Command {
  /** Set by the dispatcher before the command runs. */
  terminal!: Terminal;
  /** What the process ends with. */
  exitCode = 0;

  abstract readonly action: ActionDescription;
  /** Everything the action accepts, its own options last: they win over shared ones of the same name. */
  abstract readonly table: T;
  readonly wordOrder: WordOrder = 'mixed';

  #verbose = false;

  protected abstract act(args: Arguments<T>): Promise<void>;

  override async init(): Promise<void> {}

  /** Runs the command; {@link exitCode} tells how it went. */
  async execute(): Promise<void> {
    await this._run();
  }

  override async run(): Promise<void> {
    // oclif would warn about words that were refused before it saw them.
    this.parsed = true;
    const normalised = normaliseArguments(this.argv, this.table, this.wordOrder);
    const { flags } = await this.parse({ flags: oclifFlags(this.table), strict: false }, oclifWords(normalised, this.table));
    for (const hint of normalised.hints) this.hint(hint);
    this.#verbose = flags['verbose'] === true;
    if ('help' in this.table && flags['help'] === true) {
      this.terminal.out(actionHelp(this.action).trimEnd());
      return;
    }
    await this.act({ options: completed(flags, this.table), words: normalised.words });
  }

  /** Help that Weir adds; stderr, so that no script trips over it. */
  protected hint(text: string): void {
    this.terminal.err(`Hint: ${text}`);
  }

  /** Shows on stderr, where somebody watches, that `work` takes its time. */
  protected async withProgress<R>(text: string, work: Promise<R>): Promise<R> {
    const stop = progressOf(this.terminal)(text);
    try {
      return await work;
    } finally {
      stop();
    }
  }

  override async catch(error: unknown): Promise<void> {
    this.exitCode = 1;
    if (error instanceof ArgumentError) return this.#printArgumentError(error);
    this.terminal.err(this.failureText(error));
    this.terminal.log.error('Stack of the failure:', fullText(error));
  }

  protected failureText(error: unknown): string {
    return exceptionBlock(error, { verbose: this.#verbose });
  }

  #printArgumentError(error: ArgumentError): void {
    this.terminal.out(error.message);
    this.terminal.out('');
    this.terminal.out('Use the help option (-h or --help) to get help on the command.');
    if (error.hint !== undefined) this.hint(error.hint);
  }
}

/** Absent flags as the table's type promises them: false, no words. */
function completed<T extends OptionTable>(flags: Readonly<Record<string, unknown>>, table: T): ParsedOptions<T> {
  const values = Object.entries(table).map(([key, spec]) => {
    if (spec.argument === undefined) return [key, flags[key] === true];
    return [key, spec.repeatable || spec.rest ? (flags[key] ?? []) : flags[key]];
  });
  return Object.fromEntries(values) as ParsedOptions<T>;
}
