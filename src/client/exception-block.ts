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
  override readonly name: string = 'JobExecutionException';
}

/** The job ended in CANCELED. */
export class JobCancellationException extends JobExecutionException {
  override readonly name = 'JobCancellationException';
}

/** The user's `main` threw. */
export class ProgramInvocationException extends Error {
  override readonly name = 'ProgramInvocationException';
}

export function exceptionBlock(error: unknown, options: { readonly verbose?: boolean } = {}): string {
  const frame = '-'.repeat(60);
  const text = options.verbose ? fullText(error) : describeError(error);
  return `\n${frame}\n The program finished with the following exception:\n\n${text}\n`;
}

/** The error and its causes; stacks only where they show the user's code. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const own = isOurs(error) ? ourText(error) : userStack(error);
  const cause = error instanceof UserError || error instanceof ExternalError ? undefined : error.cause;
  return cause === undefined || depth > 8 ? own : `${own}\nCaused by: ${describeError(cause, depth + 1)}`;
}

/** The same error, for programs and for Node's last words: stacks of it and its causes show the user's code only. */
export function withUserFrames<E extends Error>(error: E): E {
  for (let current: unknown = error; current instanceof Error; current = current.cause) current.stack = userStack(current);
  return error;
}

/** With all stacks. */
export function fullText(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined || depth > 8 ? own : `${own}\nCaused by: ${fullText(error.cause, depth + 1)}`;
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

const causePrefix = 'Caused by: ';

/** A stack of an error and, as text, of its causes: frames of Weir and of Node's inside say nothing about the program. */
function userStack(error: Error): string {
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split('\n');
  const sections: string[][] = [];
  for (const line of lines) {
    if (sections.length === 0 || line.startsWith(causePrefix)) sections.push([line]);
    else sections.at(-1)?.push(line);
  }
  return sections.map((section) => userSection(section).join('\n')).join('\n');
}

function userSection(lines: readonly string[]): string[] {
  const kept = lines.filter((line) => !isFrame(line) || !isInnerFrame(line));
  const head = /^(Caused by: )?(?:UserError|ExternalError): /.exec(kept[0] ?? '');
  // What Weir itself says needs no stack, and no name of an error class.
  if (head) return [`${head[1] ?? ''}${(kept[0] as string).slice(head[0].length)}`, ...kept.slice(1)];
  return kept.some(isFrame) ? kept : [...lines];
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

function isInnerFrame(line: string): boolean {
  if (/\(node:|at (async )?node:|\(weir-chain\//.test(line)) return true;
  const installation = `${installationRoot()}/`;
  return ['dist/', 'src/', 'node_modules/'].some((part) => line.includes(installation + part));
}
