/** Text records from a TCP socket, read by one subtask. Not replayable: what was read before a failure is gone. */
import { connect, type Socket } from 'node:net';
import type { InputStatus, ReaderOutput, Source, SourceSplit } from '../../api/source.ts';
import { ExternalError } from '../../shared/errors.ts';
import { recordsPerPoll, SplitAtATimeReader, type SplitRun, StaticSplitEnumerator } from '../static-splits.ts';

export interface SocketSourceOptions {
  readonly host: string;
  readonly port: number;
  readonly delimiter?: string | undefined;
  /** Seconds, one try each, to wait for the peer when it closes or refuses; -1: for ever. */
  readonly maxRetry?: number | undefined;
}

export function socketTextSource(options: SocketSourceOptions): Source<string, SourceSplit, SourceSplit[]> {
  return {
    boundedness: 'CONTINUOUS_UNBOUNDED',
    emitsFreshRecords: true,
    maxSourceParallelism: 1,
    createEnumerator: (context, checkpoint) =>
      new StaticSplitEnumerator(context, checkpoint ?? [{ splitId: `${options.host}:${options.port}` }]),
    createReader: (context) => new SplitAtATimeReader(context, (split) => new SocketRun(split, options)),
  };
}

class SocketRun implements SplitRun<string, SourceSplit> {
  static readonly #highWater = 10_000;
  readonly #split: SourceSplit;
  readonly #options: SocketSourceOptions;
  readonly #lines: string[] = [];
  #rest = '';
  #socket: Socket | undefined;
  #retries = 0;
  #ended = false;
  #failure: Error | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;

  constructor(split: SourceSplit, options: SocketSourceOptions) {
    this.#split = split;
    this.#options = options;
    this.#connect();
  }

  next(output: ReaderOutput<string>): InputStatus {
    for (let emitted = 0; emitted < recordsPerPoll && this.#lines.length > 0; emitted++) {
      output.collect(this.#lines.shift() as string);
      if (output.isFull) break;
    }
    if (this.#lines.length > 0) return 'MORE_AVAILABLE';
    if (this.#failure) throw this.#failure;
    this.#socket?.resume();
    return this.#ended ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
  }

  whenAvailable(): Promise<void> {
    if (this.#lines.length > 0 || this.#ended || this.#failure) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  snapshot(): SourceSplit {
    return this.#split;
  }

  close(): void {
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const { host, port } = this.#options;
    const socket = connect({ host, port });
    this.#socket = socket;
    let problem: Error | undefined;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (error) => {
      problem = error;
    });
    socket.on('close', () => this.#lost(problem));
  }

  #receive(text: string): void {
    const delimiter = this.#options.delimiter ?? '\n';
    const pieces = (this.#rest + text).split(delimiter);
    this.#rest = pieces.pop() as string;
    for (const piece of pieces) this.#lines.push(delimiter === '\n' && piece.endsWith('\r') ? piece.slice(0, -1) : piece);
    if (this.#lines.length > SocketRun.#highWater) this.#socket?.pause();
    this.#notify();
  }

  #lost(problem: Error | undefined): void {
    if (this.#ended) return;
    const allowed = this.#options.maxRetry ?? 0;
    if (allowed < 0 || this.#retries < allowed) {
      this.#retries++;
      this.#retryTimer = setTimeout(() => this.#connect(), 1000);
      return;
    }
    if (this.#rest !== '') this.#lines.push(this.#rest);
    this.#rest = '';
    if (problem) {
      const { host, port } = this.#options;
      this.#failure = new ExternalError('SOCKET_FAILED', {
        problem: `Reading from the socket ${host}:${port} failed: ${problem.message}`,
        tryNext: [`Is something listening there? For a try: nc -lk ${port}`],
        retriable: true,
        cause: problem,
      });
    }
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
