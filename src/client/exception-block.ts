/**
 * How an error looks on the terminal. Flink's frame stays (scripts look for it); inside it stands what the user can use: what
 * is wrong and what to try for known errors, and the program's own frames, at the lines of its sources, for its own errors.
 */
import { ExternalError, UserError } from '../shared/errors.ts';
import { installationRoot } from '../shared/installation.ts';

/** An action that failed, by the sentence Flink has for it; the reason is its cause. */
export class FlinkException extends Error {
  override readonly name = 'FlinkException';
}

/** The job ended in FAILED or CANCELED; the cluster's reason is the cause. */
export class JobExecutionException extends Error {
  override readonly name = 'JobExecutionException';
}

/** The user's `main` threw. */
export class ProgramInvocationException extends Error {
  override readonly name = 'ProgramInvocationException';
}

export function exceptionBlock(error: unknown): string {
  const frame = '-'.repeat(60);
  return `\n${frame}\n The program finished with the following exception:\n\n${describeError(error)}\n`;
}

/** The error and its causes; stacks only where they show the user's code. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const own = isOurs(error) ? ourText(error) : userStack(error);
  const cause = error instanceof UserError || error instanceof ExternalError ? undefined : error.cause;
  return cause === undefined || depth > 8 ? own : `${own}\nCaused by: ${describeError(cause, depth + 1)}`;
}

function isOurs(error: Error): boolean {
  return (
    error instanceof UserError ||
    error instanceof ExternalError ||
    error instanceof FlinkException ||
    error instanceof JobExecutionException ||
    error instanceof ProgramInvocationException
  );
}

function ourText(error: Error): string {
  return error instanceof UserError || error instanceof ExternalError ? error.message : `${error.name}: ${error.message}`;
}

/** Frames of Weir and of Node's inside say nothing about the program. */
function userStack(error: Error): string {
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  const own = `${installationRoot()}/`;
  const kept = lines.filter((line) => !/^\s+at /.test(line) || !(line.includes('node:internal/') || isEngineFrame(line, own)));
  const frames = kept.some((line) => /^\s+at /.test(line));
  return (frames ? kept : lines).join('\n');
}

function isEngineFrame(line: string, installation: string): boolean {
  return ['dist/', 'src/', 'node_modules/'].some((part) => line.includes(installation + part));
}
