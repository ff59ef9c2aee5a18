/** The operators that end a stream: unified sinks, classic sink functions, print, and collecting to the client. */
// biome-ignore-all lint/suspicious/noExplicitAny: record and committable types are the sink's own
import type { CollectSpec, PrintSpec, SinkFunctionSpec, SinkSpec } from '../../api/operator-specs.ts';
import type { StateInitializationContext, StateSnapshotContext, StreamOperator } from '../../api/operators.ts';
import type { CommitRequest, Committer, SinkWriter, WriterInitContext } from '../../api/sink.ts';
import type { ListState } from '../../api/state.ts';
import { ExternalError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import { renderValue } from '../../shared/render-value.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { writeWhole } from '../../shared/write-whole.ts';
import { type FusibleOperator, type FusibleSink, type Fusion, userCall } from '../operators/fusion.ts';
import { CollectOperator } from './collect-operator.ts';
import { SinkOperator } from './sink-operator.ts';

/** What one checkpoint will commit. */
interface Committables {
  readonly checkpointId: number;
  readonly committables: readonly unknown[];
}

/**
 * Writer and committer of a sink. Committables are collected in front of each barrier, stored with the checkpoint, and
 * committed when it is complete; without checkpoints, at the end of the input.
 */
export class SinkWriterOperator extends SinkOperator {
  readonly #spec: SinkSpec;
  readonly #pending = new Map<number, readonly unknown[]>();
  #writer: SinkWriter<unknown, unknown, unknown> | undefined;
  #committer: Committer<unknown> | undefined;
  #writerStates!: ListState<unknown>;
  #committables!: ListState<Committables>;
  #restoredCheckpointId: number | undefined;
  /** Committables of the end of the input, for the checkpoint that follows it. */
  #last: readonly unknown[] | undefined;
  readonly #writeContext = {
    timestamp: () => (this.timestamp === MIN_TIMESTAMP ? null : this.timestamp),
    currentWatermark: () => this.watermark,
  };

  constructor(spec: SinkSpec) {
    super(undefined);
    this.#spec = spec;
  }

  override initializeState({ operatorState, restoredCheckpointId }: StateInitializationContext): void {
    this.#restoredCheckpointId = restoredCheckpointId;
    this.#writerStates = operatorState.getListState<unknown>({ kind: 'list', name: 'writer-states' });
    this.#committables = operatorState.getListState<Committables>({ kind: 'list', name: 'committables' });
  }

  /** What a completed checkpoint covers is committed first: the failure may have come between completion and commit. */
  override async open(): Promise<void> {
    const { sink } = this.#spec;
    this.#committer = await sink.createCommitter?.(this.#initContext());
    const restored = [...this.#committables.get()].sort((a, b) => a.checkpointId - b.checkpointId);
    for (const { committables } of restored) await this.#commit(committables);
    this.#writer = await sink.createWriter(this.#initContext(), [...this.#writerStates.get()]);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.timestamp = timestamp;
    this.waitIfAsync((this.#writer as SinkWriter<unknown>).write(value, this.#writeContext));
  }

  override processWatermark(timestamp: number): void {
    if (this.interrupted) {
      this.defer('watermark', undefined, timestamp);
      return;
    }
    super.processWatermark(timestamp);
    const result = this.#writer?.writeWatermark?.(timestamp);
    if (result) this.waitIfAsync(result);
  }

  async prepareSnapshotPreBarrier(checkpointId: number): Promise<void> {
    const committables = this.#last ?? (await this.#prepareCommit(false));
    this.#last = this.#last === undefined ? undefined : [];
    if (committables.length > 0 && this.#committer) this.#pending.set(checkpointId, committables);
  }

  override async snapshotState({ checkpointId }: StateSnapshotContext): Promise<void> {
    this.#writerStates.update((await this.#writer?.snapshotState?.(checkpointId)) ?? []);
    this.#committables.update([...this.#pending].map(([id, committables]) => ({ checkpointId: id, committables })));
  }

  override async notifyCheckpointComplete(checkpointId: number): Promise<void> {
    failpoint('sink.commit');
    for (const id of [...this.#pending.keys()].filter((pending) => pending <= checkpointId).sort((a, b) => a - b)) {
      await this.#commit(this.#pending.get(id) as readonly unknown[]);
      this.#pending.delete(id);
    }
  }

  async finish(): Promise<void> {
    const committables = await this.#prepareCommit(true);
    if (this.context.runtimeContext.isCheckpointingEnabled()) this.#last = committables;
    else await this.#commit(committables);
  }

  override async close(): Promise<void> {
    await this.#writer?.close?.();
    await this.#committer?.close?.();
  }

  async #prepareCommit(endOfInput: boolean): Promise<readonly unknown[]> {
    const writer = this.#writer as SinkWriter<unknown>;
    await writer.flush(endOfInput);
    return (await writer.prepareCommit?.()) ?? [];
  }

  async #commit(committables: readonly unknown[]): Promise<void> {
    if (this.#committer && committables.length > 0) await commitAll(this.#committer, committables, this.context.operatorName);
  }

  #initContext(): WriterInitContext {
    const { subtaskIndex, parallelism, runtimeContext } = this.context;
    return {
      subtaskIndex,
      parallelism,
      attemptNumber: runtimeContext.getAttemptNumber(),
      jobId: runtimeContext.jobId,
      restoredCheckpointId: this.#restoredCheckpointId,
      metrics: runtimeContext.metrics,
    };
  }
}

const commitAttempts = 10;

/** Retries what asks for it; anything else that fails, fails the task. */
async function commitAll(committer: Committer<unknown>, committables: readonly unknown[], operatorName: string): Promise<void> {
  let open = committables.map((committable) => ({ committable, retries: 0 }));
  while (open.length > 0) {
    const again: typeof open = [];
    const requests = open.map((entry): CommitRequest<unknown> => {
      const retry = (committable: unknown): void => void again.push({ committable, retries: entry.retries + 1 });
      return {
        committable: entry.committable,
        numberOfRetries: entry.retries,
        retryLater: () => retry(entry.committable),
        updateAndRetryLater: retry,
        signalAlreadyCommitted: () => {},
        signalFailedWithKnownReason: () => {},
        signalFailedWithUnknownReason: (error) => {
          throw error;
        },
      };
    });
    await committer.commit(requests);
    if (again.some((entry) => entry.retries > commitAttempts)) {
      throw new ExternalError('COMMIT_FAILED', {
        problem: `Operator '${operatorName}': a commit failed ${commitAttempts} times.`,
        retriable: true,
      });
    }
    open = again;
  }
}

export class SinkFunctionOperator extends SinkOperator implements FusibleOperator, FusibleSink {
  readonly #spec: SinkFunctionSpec;
  readonly #invokeContext = {
    timestamp: () => (this.timestamp === MIN_TIMESTAMP ? null : this.timestamp),
    currentProcessingTime: () => this.context.currentProcessingTime(),
    currentWatermark: () => this.watermark,
  };

  constructor(spec: SinkFunctionSpec) {
    super(spec.function);
    this.#spec = spec;
  }

  fusion(): Fusion {
    return { kind: 'sink', user: userCall(this.#spec.function, 'invoke'), context: this.#invokeContext, operator: this };
  }

  /** End of the input: what the function has not written yet. */
  finish(): void | Promise<void> {
    return this.#spec.function.finish?.();
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.timestamp = timestamp;
    this.waitIfAsync(this.#spec.function.invoke(value, this.#invokeContext));
  }
}

/** Lines leave in batches by a synchronous write, so that they survive the death of the thread. */
export class PrintOperator extends SinkOperator {
  static readonly #batchBytes = 16 * 1024;
  readonly #spec: PrintSpec;
  #prefix = '';
  #lines = '';
  #flushScheduled = false;

  constructor(spec: PrintSpec) {
    super(undefined);
    this.#spec = spec;
  }

  override open(): void {
    const { parallelism, subtaskIndex } = this.context;
    const name = this.#spec.prefix;
    if (parallelism > 1) this.#prefix = name === undefined ? `${subtaskIndex + 1}> ` : `${name}:${subtaskIndex + 1}> `;
    else this.#prefix = name === undefined ? '' : `${name}> `;
  }

  override processElement(value: unknown): void {
    this.#lines += `${this.#prefix}${renderValue(value)}\n`;
    if (this.#lines.length >= PrintOperator.#batchBytes) this.#flush();
    else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => this.#flush());
    }
  }

  /** What a checkpoint covers has been printed. */
  prepareSnapshotPreBarrier(): void {
    this.#flush();
  }

  finish(): void {
    this.#flush();
  }

  override close(): void {
    this.#flush();
  }

  #flush(): void {
    this.#flushScheduled = false;
    const text = this.#lines;
    this.#lines = '';
    if (text !== '') writeWhole(this.#spec.stderr ? 2 : 1, Buffer.from(text));
  }
}

export const sinkOperatorBuilders: Readonly<Record<string, (spec: any) => StreamOperator>> = {
  'sink-writer': (spec: SinkSpec) => new SinkWriterOperator(spec),
  'sink-function': (spec: SinkFunctionSpec) => new SinkFunctionOperator(spec),
  print: (spec: PrintSpec) => new PrintOperator(spec),
  collect: (spec: CollectSpec) => new CollectOperator(spec),
};
