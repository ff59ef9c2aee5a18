/**
 * A test that shows what options of a command do, through real processes. test/commands/option-coverage.test.ts reads these
 * calls and fails for every option that has none, so `command` and `options` are literals.
 */
import { test } from 'vitest';

/** `options` are keys of the command's table; `every action` stands for the options that all of them share. */
export function effectOf(command: string, options: readonly string[], effect: string, body: () => Promise<void>): void {
  test(`${command}${options.length > 0 ? ` [${options.join(' ')}]` : ''}: ${effect}`, body);
}
