/** A command that Flink has as a shell script: what fails is said in plain words, without the frame around a program's failure. */
import { describeError } from '../../client/exception-block.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { UserError } from '../../shared/errors.ts';
import type { OptionTable } from '../arguments/option-table.ts';
import { ActionCommand } from './action-command.ts';

export abstract class ScriptCommand<T extends OptionTable> extends ActionCommand<T> {
  protected override failureText(error: unknown): string {
    return describeError(error);
  }

  override async catch(error: unknown): Promise<void> {
    if (!(error instanceof UserError) || error.code !== 'NO_HOSTS_FILE') return super.catch(error);
    // Flink's scripts say this on stdout; what we add is for people.
    this.exitCode = 1;
    this.terminal.out(error.facts.problem);
    for (const line of error.message.split('\n').slice(1)) this.terminal.err(line);
  }

  protected refuseVerb(verb: string | undefined, usage: string): void {
    this.terminal.out(usage);
    const closest = verb === undefined ? undefined : closestWord(verb, ['start', 'start-foreground', 'stop', 'stop-all']);
    if (closest !== undefined && closest !== verb) this.hint(`Did you mean ${closest}?`);
  }
}
