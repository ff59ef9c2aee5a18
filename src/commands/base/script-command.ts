/** A command that Flink has as a shell script: what fails is said in plain words, without the frame around a program's failure. */
import { describeError } from '../../client/exception-block.ts';
import type { OptionTable } from '../arguments/option-table.ts';
import { ActionCommand } from './action-command.ts';

export abstract class ScriptCommand<T extends OptionTable> extends ActionCommand<T> {
  protected override failureText(error: unknown): string {
    return describeError(error);
  }
}
