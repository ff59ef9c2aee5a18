/**
 * Runs the programs that REST is asked to run or to plan, each in a process of its own: whatever its `main` does, the JobManager
 * goes on (docs/decisions/0003-rest-programs-in-processes.md). A program ends with the request that asked for it: when its client
 * goes away, or after `web.timeout`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../../client/exception-block.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import type { RunProgramRequest } from '../../runtime/rpc/gateways.ts';
import { openPortRpc } from '../../runtime/rpc/port.ts';
import { deserializeError, ExternalError, type SerializedError, UserError } from '../../shared/errors.ts';
import type { JobId } from '../../shared/ids.ts';
import type { EmbeddedDispatcher } from '../embedded-executor.ts';
import { embeddedDispatcher, type UserCodeWorkerOptions } from './user-code-worker.ts';

export interface ProgramRunnerOptions {
  /** The module of a program's process. */
  readonly entry: string;
  readonly userCode: UserCodeWorkerOptions;
  readonly dispatcher: Dispatcher;
  readonly temporaryDirectory: string;
  readonly timeoutMs: number;
  /** Further programs wait. */
  readonly maxPrograms: number;
}

type LocatedRequest = RunProgramRequest & { readonly temporaryDirectory: string };

/** What the JobManager calls in a program's process. */
export interface ProgramProcessGateway {
  runProgram(request: LocatedRequest, userCode: UserCodeWorkerOptions): Promise<JobId>;
  planProgram(request: LocatedRequest, userCode: UserCodeWorkerOptions): Promise<JobGraph>;
}

/** What the process calls in the JobManager. */
export interface ProgramProcessListener extends EmbeddedDispatcher {
  fail(cause: SerializedError): void;
}

/** A process that does not end when it is told to is killed after so long. */
const endPatienceMs = 5000;

export class ProgramRunner {
  readonly #options: ProgramRunnerOptions;
  readonly #children = new Set<ChildProcess>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: ProgramRunnerOptions) {
    this.#options = options;
  }

  async run(request: RunProgramRequest, signal?: AbortSignal): Promise<{ jobId: JobId }> {
    return { jobId: await this.#inTurn(signal, (abort) => this.#call(request, abort, 'runProgram')) };
  }

  plan(request: RunProgramRequest, signal?: AbortSignal): Promise<JobGraph> {
    return this.#inTurn(signal, (abort) => this.#call(request, abort, 'planProgram'));
  }

  close(): void {
    for (const child of this.#children) void end(child);
  }

  /** The time in the queue counts. */
  async #inTurn<T>(client: AbortSignal | undefined, work: (abort: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    const abort = client ? AbortSignal.any([client, timeout]) : timeout;
    while (this.#running >= this.#options.maxPrograms) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        abort.addEventListener('abort', () => resolve(), { once: true });
      });
      if (abort.aborted) throw this.#aborted(abort);
    }
    this.#running++;
    try {
      return await work(abort);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #call<K extends keyof ProgramProcessGateway>(
    request: RunProgramRequest,
    abort: AbortSignal,
    method: K,
  ): Promise<Awaited<ReturnType<ProgramProcessGateway[K]>>> {
    const { userCode, temporaryDirectory } = this.#options;
    const directory = mkdtempSync(join(temporaryDirectory, 'program-'));
    const child = this.#start();
    const { promise: failure, reject: fail } = Promise.withResolvers<never>();
    abort.addEventListener('abort', () => fail(this.#aborted(abort)), { once: true });
    const rpc = openPortRpc<ProgramProcessGateway>(
      {
        postMessage: (message) => void child.send(message as object, () => {}),
        on: (event, listener) => child.on(event, listener),
      },
      {
        ...embeddedDispatcher(this.#options.dispatcher),
        fail: (cause: SerializedError) => fail(failed(cause)),
      } satisfies ProgramProcessListener,
    );
    child.once('error', fail);
    child.once('exit', (code, signal) => fail(died(code, signal)));
    try {
      const call = rpc.remote[method]({ ...request, temporaryDirectory: directory }, userCode);
      return (await Promise.race([call, failure])) as Awaited<ReturnType<ProgramProcessGateway[K]>>;
    } finally {
      rpc.close(new Error('the program is over'));
      void end(child).then(() => rmSync(directory, { recursive: true, force: true }));
    }
  }

  #start(): ChildProcess {
    const child = fork(this.#options.entry, [], {
      execArgv: ['--max-old-space-size=64'],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  #aborted(abort: AbortSignal): Error {
    const { timeoutMs } = this.#options;
    if ((abort.reason as Error | undefined)?.name !== 'TimeoutError')
      return new ExternalError('REQUEST_WITHDRAWN', { problem: 'The client went away.', retriable: false });
    return new UserError('PROGRAM_TIMEOUT', {
      problem: `The program's main did not end within ${timeoutMs} ms (web.timeout). It was ended.`,
      tryNext: ['A main declares the job and calls execute: what takes long belongs into the functions of the job.'],
    });
  }
}

/** The process hears that nobody listens any more, and ends with all that it started. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), endPatienceMs);
  timer.unref();
  await ended;
  clearTimeout(timer);
}

/** What no call can be blamed for: an exit, a rejection that nobody handled, the death of the thread. */
function failed(cause: SerializedError): UserError {
  const reason = cause.cause;
  const isTold = reason === undefined || cause.message.includes(reason.message);
  return new UserError(cause.code ?? 'PROGRAM_FAILED', {
    problem: cause.message,
    found: isTold ? undefined : describeError(deserializeError(reason)),
  });
}

function died(code: number | null, signal: string | null): UserError {
  return new UserError('PROGRAM_DIED', {
    problem: `The process of the program ended ${signal === null ? `with code ${code}` : `by ${signal}`}.`,
    found: 'V8 ends a process that runs out of heap by SIGABRT; the .out file of the JobManager says more.',
    tryNext: ['Keep less in main, or raise jobmanager.memory.process.size.'],
  });
}
