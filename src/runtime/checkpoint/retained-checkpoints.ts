/**
 * What the job can be restored from, and the files that are kept for it. Everything a checkpoint leaves behind is deleted from
 * here, and nothing else is.
 */
import type { TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import { isTaskOwned } from '../../state/storage/checkpoint-paths.ts';
import {
  type CheckpointProperties,
  checkpointProperties,
  type JobEnd,
  type Retention,
  unclaimedProperties,
} from './checkpoint-properties.ts';
import type { CheckpointStatistics } from './checkpoint-statistics.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';
import type { CompletedCheckpointStore } from './completed-checkpoint-store.ts';
import { streamHandlesOfCheckpoint } from './metadata/checkpoint-metadata.ts';
import { type SharedFile, SharedStateRegistry } from './shared-state-registry.ts';
import type { CheckpointCleaner } from './storage/checkpoint-cleaner.ts';
import type { CheckpointStorage } from './storage/checkpoint-storage.ts';
import type { LoadedSnapshot } from './storage/resolve-pointer.ts';

export type ClaimMode = 'CLAIM' | 'NO_CLAIM' | 'LEGACY';

export interface RetainedCheckpointsOptions {
  readonly store: CompletedCheckpointStore;
  readonly storage: CheckpointStorage;
  readonly cleaner: CheckpointCleaner;
  readonly statistics: CheckpointStatistics;
  readonly retention: Retention;
}

export class RetainedCheckpoints {
  readonly #options: RetainedCheckpointsOptions;
  readonly #registry = new SharedStateRegistry();
  /** Claimed and no longer needed, but later checkpoints use files in their directories: these stay for now. */
  #waiting: readonly CompletedCheckpoint[] = [];
  /** Of the job's own checkpoints; undefined: not known, so nothing is taken for an orphan. */
  #firstId: number | undefined;

  constructor(options: RetainedCheckpointsOptions) {
    this.#options = options;
  }

  get latest(): CompletedCheckpoint | undefined {
    return this.#options.store.latest;
  }

  get all(): readonly CompletedCheckpoint[] {
    return this.#options.store.all;
  }

  /** What was recorded before this process. Throws as {@link CompletedCheckpointRecords.list}. */
  async recover(which?: 'readable'): Promise<void> {
    const { store } = this.#options;
    await store.recover(which);
    for (const checkpoint of store.all) this.#registerRestored(checkpoint);
  }

  /** What earlier processes of this job left of checkpoints that do not count, or no longer do. `firstId`: of all its own. */
  async removeOrphans(firstId: number): Promise<void> {
    this.#firstId = firstId;
    await this.#removeAllBut(this.all);
  }

  /** The job starts from a snapshot; who owns it afterwards is `claimMode`. */
  async adopt({ metadata, place }: LoadedSnapshot, claimMode: ClaimMode, now: number): Promise<CompletedCheckpoint> {
    const { store, retention } = this.#options;
    const properties: CheckpointProperties =
      claimMode === 'CLAIM' ? checkpointProperties(retention) : unclaimedProperties({ forceFull: claimMode === 'NO_CLAIM' });
    const checkpoint: CompletedCheckpoint = { metadata, place, properties, completedAt: now };
    this.#registerRestored(checkpoint);
    await store.add(checkpoint);
    return checkpoint;
  }

  /** The newest is damaged: the one before is the starting point now. Its files stay, for whoever looks into it. */
  abandonLatest(): CompletedCheckpoint | undefined {
    return this.#options.store.abandonLatest();
  }

  /** Before anything else is done with an acknowledgement. Gives the state with the files it has to refer to. */
  register(state: TaskStateSnapshot, checkpointId: number): TaskStateSnapshot {
    return Object.fromEntries(
      Object.entries(state).map(([operatorId, { keyed, operator }]) => [
        operatorId,
        {
          keyed: keyed.map((handle) => ({ ...handle, stream: this.#registered(handle.stream, checkpointId) })),
          operator: operator.map((handle) => ({ ...handle, stream: this.#registered(handle.stream, checkpointId) })),
        },
      ]),
    );
  }

  /** Shared files of a completed checkpoint stay what they are. */
  confirm(checkpointId: number): void {
    this.#registry.checkpointCompleted(checkpointId);
  }

  /** Returns the id of the newest checkpoint that goes for it. */
  async add(checkpoint: CompletedCheckpoint): Promise<number | undefined> {
    const subsumed = await this.#options.store.add(checkpoint);
    const deleted = subsumed.filter(({ properties }) => properties.discardWhen.SUBSUMED);
    this.#discard(deleted);
    for (const kept of subsumed) if (!deleted.includes(kept)) this.#options.store.forget(kept).catch(() => {});
    return deleted.at(-1)?.metadata.checkpointId;
  }

  /** The job is over. `keepAll`: somebody has to look at them. May be tried again when it fails. */
  async end(end: JobEnd, keepAll: boolean): Promise<void> {
    const { store, cleaner, storage } = this.#options;
    const { all } = store;
    // A claimed snapshot that nothing has replaced: all the state there is. It goes with a finished job only.
    const irreplaceable = end === 'FINISHED' || !all.at(-1)?.place.foreign ? undefined : all.at(-1);
    const deleted = all.filter((checkpoint) => !keepAll && checkpoint !== irreplaceable && checkpoint.properties.discardWhen[end]);
    const kept = all.filter((checkpoint) => !deleted.includes(checkpoint));
    this.#discard(deleted, kept[0]?.metadata.checkpointId ?? Number.POSITIVE_INFINITY);
    // What could not be deleted when its time had come.
    if (!keepAll) await this.#removeAllBut(all);
    await cleaner.whenIdle();
    await storage.release();
    await store.clear();
  }

  async #removeAllBut(checkpoints: readonly CompletedCheckpoint[]): Promise<void> {
    const { storage, cleaner } = this.#options;
    if (this.#firstId === undefined) return;
    const kept = checkpoints.map(({ metadata }) => metadata.checkpointId);
    for (const directory of await storage.orphans(this.#firstId, kept)) cleaner.removeDirectory(directory);
  }

  #registered(stream: TaskStateSnapshot[string]['keyed'][number]['stream'], checkpointId: number): typeof stream {
    if (stream.kind !== 'file' || isTaskOwned(stream.path)) return stream;
    const { handle, obsolete } = this.#registry.register(stream.path, stream, checkpointId);
    if (obsolete) this.#options.cleaner.removeFiles([obsolete.path]);
    return handle;
  }

  #registerRestored({ metadata, properties }: CompletedCheckpoint): void {
    const shared = [...streamHandlesOfCheckpoint(metadata.operators)].filter(
      (stream): stream is SharedFile => stream.kind === 'file' && !isTaskOwned(stream.path),
    );
    this.#registry.restored(shared, metadata.checkpointId, properties.kind === 'checkpoint');
  }

  #discard(checkpoints: readonly CompletedCheckpoint[], lowestRetainedId = this.all[0]?.metadata.checkpointId ?? 0): void {
    const { cleaner, statistics } = this.#options;
    cleaner.removeFiles(this.#registry.unregisterUnused(lowestRetainedId).map(({ path }) => path));
    const candidates = [...this.#waiting, ...checkpoints];
    this.#waiting = candidates.filter(({ metadata, place }) => place.foreign && this.#registry.usesFilesOf(metadata.checkpointId));
    for (const checkpoint of candidates) {
      if (this.#waiting.includes(checkpoint)) continue;
      cleaner.discard(checkpoint, () => this.#options.store.forget(checkpoint));
      statistics.discarded(checkpoint.metadata.checkpointId);
    }
  }
}
