/**
 * The JobManager's side of a split source: owns the enumerator, knows the readers, and remembers which splits a reader was
 * given, so that those of a failed reader go back.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: split types are the source's own
import type { Source, SourceSplit, SplitEnumerator, SplitEnumeratorContext } from '../../api/source.ts';
import type { OperatorEvent } from '../rpc/gateways.ts';

export interface SourceCoordinatorOptions {
  readonly source: Source<any, any, any>;
  readonly parallelism: number;
  readonly sendEvent: (subtaskIndex: number, event: OperatorEvent) => void;
  /** Fails the job. */
  readonly fail: (error: unknown) => void;
}

export class SourceCoordinator {
  readonly #options: SourceCoordinatorOptions;
  readonly #readers = new Map<number, { subtaskIndex: number; location: string }>();
  readonly #assigned = new Map<number, SourceSplit[]>();
  readonly #abort = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  #enumerator: SplitEnumerator<SourceSplit, unknown> | undefined;
  /** Calls into the enumerator run one after another. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SourceCoordinatorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#inOrder(async () => {
      this.#enumerator = await this.#options.source.createEnumerator(this.#context());
      await this.#enumerator.start();
    });
  }

  handleEvent(subtaskIndex: number, event: OperatorEvent): void {
    void this.#inOrder(async () => {
      switch (event.type) {
        case 'reader-registered':
          this.#readers.set(subtaskIndex, { subtaskIndex, location: '' });
          await this.#enumerator?.addReader(subtaskIndex);
          return;
        case 'split-request':
          await this.#enumerator?.handleSplitRequest(subtaskIndex, undefined);
          return;
        case 'source-event':
          await this.#enumerator?.handleSourceEvent?.(subtaskIndex, event.payload);
      }
    });
  }

  /** The attempt is gone: what it was given since the last checkpoint is unassigned again. */
  subtaskFailed(subtaskIndex: number): void {
    void this.#inOrder(async () => {
      this.#readers.delete(subtaskIndex);
      const splits = this.#assigned.get(subtaskIndex) ?? [];
      this.#assigned.delete(subtaskIndex);
      if (splits.length > 0) this.#enumerator?.addSplitsBack(splits, subtaskIndex);
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

  #context(): SplitEnumeratorContext<SourceSplit> {
    const assign = (subtaskIndex: number, splits: readonly SourceSplit[]): void => {
      this.#assigned.set(subtaskIndex, [...(this.#assigned.get(subtaskIndex) ?? []), ...splits]);
      this.#options.sendEvent(subtaskIndex, { type: 'add-splits', payload: splits });
    };
    return {
      currentParallelism: () => this.#options.parallelism,
      registeredReaders: () => this.#readers,
      assignSplits: (assignment) => {
        for (const [subtaskIndex, splits] of assignment) assign(subtaskIndex, splits);
      },
      assignSplit: (split, subtaskIndex) => assign(subtaskIndex, [split]),
      signalNoMoreSplits: (subtaskIndex) => this.#options.sendEvent(subtaskIndex, { type: 'no-more-splits' }),
      sendEventToSourceReader: (subtaskIndex, payload) => this.#options.sendEvent(subtaskIndex, { type: 'source-event', payload }),
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
