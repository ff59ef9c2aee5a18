/**
 * Makes a thread that runs user code safe for its process: what would end the process, or would be lost, becomes a failure
 * of the job instead. Installed once, before any user code is imported.
 */
import { inSilentRun } from '../../program/recording.ts';
import { UserError } from '../../shared/errors.ts';
import { writeWhole } from '../../shared/write-whole.ts';

/** `fail` gets what no single call can be blamed for: an exit, a rejection nobody handles, an error in a timer. */
export function containUserCode(fail: (error: unknown) => void): void {
  const refuse = (what: string): never => {
    const error = new UserError('PROCESS_EXIT', {
      problem: `The program called ${what}.`,
      tryNext: ['Throw an error to fail the job. A worker runs other work too: it does not exit on request.'],
    });
    fail(error);
    throw error;
  };
  process.exit = (code) => refuse(`process.exit(${code ?? ''})`);
  process.abort = () => refuse('process.abort()');
  Object.assign(process, { reallyExit: (code?: number) => refuse(`process.reallyExit(${code ?? ''})`) });
  const kill = process.kill.bind(process);
  process.kill = (pid, signal) => (pid === process.pid && signal !== 0 ? refuse(`process.kill(${pid})`) : kill(pid, signal));
  process.on('unhandledRejection', (reason) => fail(unhandled('A promise was rejected and nobody handled it.', reason)));
  process.on('uncaughtException', (error) => {
    if ((error as { code?: unknown }).code !== 'PROCESS_EXIT') fail(unhandled('An error was thrown where nobody could catch it.', error));
  });
}

function unhandled(problem: string, cause: unknown): UserError {
  return new UserError('UNHANDLED', { problem, cause, tryNext: ['Await every promise, and catch errors in timers and event handlers.'] });
}

/** Larger than a line, so that a flood costs few system calls; small enough to lose little. */
const batchBytes = 8192;

/**
 * `console` and `process.stdout` of this thread write to the process's own descriptors, without the main thread's help. What a
 * replayed `main` prints is dropped: the client has shown it.
 */
export function writeConsoleSynchronously(): void {
  redirect(process.stdout, 1);
  redirect(process.stderr, 2);
}

/** Resolves when everything that was written to the console so far is out: the thread may end. */
export function consoleWritten(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const nothing = new Uint8Array(0);

function redirect(stream: NodeJS.WriteStream, descriptor: number): void {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  let scheduled = false;
  const flush = (): void => {
    scheduled = false;
    const whole = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
    pieces = [];
    bytes = 0;
    try {
      writeWhole(descriptor, whole);
    } catch {
      // A full disk must not break what only wanted to talk.
    }
  };
  stream.write = ((chunk: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
    const piece = inSilentRun()
      ? nothing
      : typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
        : chunk;
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= batchBytes) flush();
    else if (!scheduled) {
      scheduled = true;
      setImmediate(() => bytes > 0 && flush());
    }
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') queueMicrotask(done as () => void);
    return true;
  }) as typeof stream.write;
}
