/** Drives a CheckpointedFunction through its life as a task does, state stored and restored in between. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointedFunction, CheckpointListener, RuntimeContext, SinkContext, SinkFunction } from '../../src/api/functions.ts';
import { HeapOperatorStateBackend } from '../../src/state/operator/heap-operator-state-backend.ts';
import type { OperatorStateHandle } from '../../src/state/snapshot/handles.ts';
import { FileCheckpointStreams } from '../../src/state/storage/file-checkpoint-streams.ts';
import { StreamedTaskOwnedLogs } from '../../src/state/storage/task-owned-logs.ts';
import { MemoryStream, readFromHandle } from './memory-streams.ts';

type Driven<IN> = SinkFunction<IN> & CheckpointedFunction & CheckpointListener;

const sinkContext: SinkContext = { timestamp: () => null, currentProcessingTime: () => 0, currentWatermark: () => 0 };

export class FunctionUnderTest<IN> {
  readonly #function: Driven<IN>;
  readonly #state: HeapOperatorStateBackend;

  private constructor(sink: Driven<IN>, state: HeapOperatorStateBackend) {
    this.#function = sink;
    this.#state = state;
  }

  /** `restored` is what {@link snapshot} of former instances gave; several are merged, as a smaller parallelism does. */
  static async open<IN>(
    sink: Driven<IN>,
    restored: readonly OperatorStateHandle[] = [],
    settings: { checkpointing?: boolean; subtaskIndex?: number; directory?: string; configuration?: Record<string, string> } = {},
  ): Promise<FunctionUnderTest<IN>> {
    const state = new HeapOperatorStateBackend('sink');
    if (restored.length > 0) await state.restore(restored, readFromHandle);
    // Made by the first log that is written, not before.
    const directory = settings.directory ?? join(tmpdir(), 'weir-function-under-test');
    const logs = new StreamedTaskOwnedLogs(new FileCheckpointStreams(), 'job', {
      'execution.checkpointing.dir': directory,
      ...settings.configuration,
    });
    const context = {
      jobId: 'job',
      operatorName: 'sink',
      isCheckpointingEnabled: () => settings.checkpointing ?? true,
      getIndexOfThisSubtask: () => settings.subtaskIndex ?? 0,
    } as RuntimeContext;
    sink.setRuntimeContext?.(context);
    await sink.initializeState({
      isRestored: () => restored.length > 0,
      getRestoredCheckpointId: () => undefined,
      getOperatorStateStore: () => state,
      getTaskOwnedLogs: () => logs,
    });
    await sink.open?.(context);
    return new FunctionUnderTest(sink, state);
  }

  async write(...values: readonly IN[]): Promise<void> {
    for (const value of values) await this.#function.invoke(value, sinkContext);
  }

  async snapshot(checkpointId: number): Promise<OperatorStateHandle[]> {
    await this.#function.snapshotState({ getCheckpointId: () => checkpointId, getCheckpointTimestamp: () => checkpointId * 1000 });
    const handle = await this.#state.snapshot(new MemoryStream());
    return handle ? [handle] : [];
  }

  async completed(checkpointId: number): Promise<void> {
    await this.#function.notifyCheckpointComplete(checkpointId);
  }

  async finish(): Promise<void> {
    await this.#function.finish?.();
  }

  async close(): Promise<void> {
    await this.#function.close?.();
  }
}
