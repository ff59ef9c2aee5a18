/**
 * The JobManager's side of a split source: owns the enumerator, knows the readers, and remembers which splits a reader was
 * given since which checkpoint, so that those of a failed reader go back.
 *
 * Keeps true: calls into the enumerator run one after another; what is sent before the state of a snapshot is in that state,
 * what is sent behind it is not; an event goes to the attempt it was meant for, or to nobody.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: split types are the source's own
import type { Source, SourceSplit, SplitEnumerator, SplitEnumeratorContext } from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import type { OperatorEvent } from '../rpc/gateways.ts';
import { decodeEnumeratorState, encodeEnumeratorState } from './enumerator-state.ts';
import { SplitAssignments } from './split-assignments.ts';

export interface SourceCoordinatorOptions {
  readonly source: Source<any, any, any>;
  readonly parallelism: number;
  readonly sendEvent: (subtaskIndex: number, attemptNumber: number, event: OperatorEvent) => void;
  readonly snapshotTaken: (checkpointId: number, state: Uint8Array) => void;
  readonly snapshotFailed: (checkpointId: number, error: unknown) => void;
  /** Fails the job. */
  readonly fail: (error: unknown) => void;
}

interface Reader {
  readonly subtaskIndex: number;
  readonly location: string;
  readonly attemptNumber: number;
}

export class SourceCoordinator {
  readonly #options: SourceCoordinatorOptions;
  readonly #readers = new Map<number, Reader>();
  readonly #assignments = new SplitAssignments<SourceSplit>();
  readonly #abort = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  #enumerator: SplitEnumerator<SourceSplit, unknown> | undefined;
  #isSnapshotting = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SourceCoordinatorOptions) {
    this.#options = options;
  }

  /** `stored`: what a snapshot gave; undefined: from the beginning. */
  async start(stored: Uint8Array | undefined): Promise<void> {
    const { source } = this.#options;
    await this.#inOrder(async () => {
      this.#enumerator = await source.createEnumerator(this.#context(), stored === undefined ? undefined : decodeEnumeratorState(stored));
      await this.#enumerator.start();
    });
  }

  handleEvent(subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void {
    void this.#inOrder(async () => {
      if (event.type === 'reader-registered') {
        this.#readers.set(subtaskIndex, { subtaskIndex, location: '', attemptNumber });
        await this.#enumerator?.addReader(subtaskIndex);
      }
      // What an attempt said before it failed concerns nobody any more.
      if (this.#readers.get(subtaskIndex)?.attemptNumber !== attemptNumber) return;
      if (event.type === 'split-request') await this.#enumerator?.handleSplitRequest(subtaskIndex, undefined);
      else if (event.type === 'source-event') await this.#enumerator?.handleSourceEvent?.(subtaskIndex, event.payload);
    });
  }

  /** The attempt is gone. */
  subtaskFailed(subtaskIndex: number): void {
    void this.#inOrder(async () => {
      this.#readers.delete(subtaskIndex);
    });
  }

  /** The next attempt starts from that checkpoint (undefined: from nothing): what came later goes back to the enumerator. */
  subtaskReset(subtaskIndex: number, checkpointId: number | undefined): void {
    void this.#inOrder(async () => {
      const splits = this.#assignments.takeBack(subtaskIndex, checkpointId);
      if (splits.length > 0) this.#enumerator?.addSplitsBack(splits, subtaskIndex);
    });
  }

  /** A failure spoils the checkpoint, not the job. */
  snapshot(checkpointId: number): void {
    const { snapshotTaken, snapshotFailed } = this.#options;
    void this.#inOrder(async () => {
      this.#isSnapshotting = true;
      try {
        const state = encodeEnumeratorState(await this.#enumerator?.snapshotState(checkpointId));
        if (this.#abort.signal.aborted) return;
        this.#assignments.snapshotTaken(checkpointId);
        snapshotTaken(checkpointId, state);
      } catch (error) {
        snapshotFailed(checkpointId, error);
      } finally {
        this.#isSnapshotting = false;
      }
    });
  }

  checkpointCompleted(checkpointId: number): void {
    void this.#inOrder(async () => {
      this.#assignments.checkpointCompleted(checkpointId);
      await this.#enumerator?.notifyCheckpointComplete?.(checkpointId);
    });
  }

  async close(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#last.catch(() => {});
    await this.#enumerator?.close?.();
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    const run = this.#last.then(work).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#options.fail(error);
    });
    this.#last = run;
    return run;
  }

  #assign(subtaskIndex: number, splits: readonly SourceSplit[]): void {
    if (this.#isSnapshotting) {
      throw new UserError('SPLIT_ASSIGNED_DURING_SNAPSHOT', {
        problem: 'The split enumerator assigned a split while its snapshotState was under way.',
        found: 'Nobody could tell whether the split belongs to that checkpoint.',
        tryNext: ['Assign splits in the handler methods, or in the handler of callAsync: those wait for snapshotState.'],
      });
    }
    this.#send(subtaskIndex, { type: 'add-splits', payload: splits });
    this.#assignments.assigned(subtaskIndex, splits);
  }

  #send(subtaskIndex: number, event: OperatorEvent): void {
    if (this.#abort.signal.aborted) return;
    const reader = this.#readers.get(subtaskIndex);
    if (!reader) {
      throw new UserError('READER_NOT_REGISTERED', {
        problem: `The split enumerator wanted to reach reader ${subtaskIndex}, which is not registered.`,
        tryNext: ['Only readers in context.registeredReaders() can be reached: addReader tells of a new one, also after a failure.'],
      });
    }
    this.#options.sendEvent(subtaskIndex, reader.attemptNumber, event);
  }

  #context(): SplitEnumeratorContext<SourceSplit> {
    return {
      currentParallelism: () => this.#options.parallelism,
      registeredReaders: () => this.#readers,
      assignSplits: (assignment) => {
        for (const [subtaskIndex, splits] of assignment) this.#assign(subtaskIndex, splits);
      },
      assignSplit: (split, subtaskIndex) => this.#assign(subtaskIndex, [split]),
      signalNoMoreSplits: (subtaskIndex) => this.#send(subtaskIndex, { type: 'no-more-splits' }),
      sendEventToSourceReader: (subtaskIndex, payload) => this.#send(subtaskIndex, { type: 'source-event', payload }),
      callAsync: (work, handler, periodMs) => {
        const once = async (): Promise<void> => {
          try {
            const result = await work();
            void this.#inOrder(async () => handler(result, undefined));
          } catch (error) {
            void this.#inOrder(async () => handler(undefined, error));
          }
        };
        void once();
        if (periodMs !== undefined) this.#timers.add(setInterval(() => void once(), periodMs));
      },
      signal: this.#abort.signal,
    };
  }
}
