/**
 * Files that several checkpoints may use, by path. Not a reference count: an entry knows which checkpoint created it and which
 * used it last, and goes when no retained checkpoint is as old as that.
 *
 * Keeps true: a file that a retained checkpoint uses is never deleted; a file of a snapshot that was restored without being
 * claimed is never deleted. One registry per incarnation of the job's master.
 */
import { assert } from '../../shared/assert.ts';
import type { StreamHandle } from '../../state/snapshot/handles.ts';

export type SharedFile = Extract<StreamHandle, { kind: 'file' }>;

interface Entry {
  handle: SharedFile;
  readonly createdBy: number;
  lastUsed: number;
  /** Contained in a completed checkpoint: stays what it is. */
  confirmed: boolean;
}

export interface Registration {
  /** What the checkpoint has to refer to. */
  readonly handle: SharedFile;
  /** A file that nobody refers to any more. */
  readonly obsolete: SharedFile | undefined;
}

export class SharedStateRegistry {
  readonly #entries = new Map<string, Entry>();
  /** Files created by checkpoints up to this id belong to someone else. */
  #highestNotClaimedId = -1;

  /** At acknowledgement, before anything else is done with it; and for restored checkpoints. */
  register(key: string, handle: SharedFile | undefined, checkpointId: number): Registration {
    const entry = this.#entries.get(key);
    if (!entry) {
      assert(handle, () => `checkpoint ${checkpointId} refers to ${key}, which no checkpoint has brought`);
      this.#entries.set(key, { handle, createdBy: checkpointId, lastUsed: checkpointId, confirmed: false });
      return { handle, obsolete: undefined };
    }
    let obsolete: SharedFile | undefined;
    if (handle && handle.path !== entry.handle.path) {
      obsolete = entry.confirmed ? handle : entry.handle;
      if (!entry.confirmed) entry.handle = handle;
    }
    entry.lastUsed = Math.max(entry.lastUsed, checkpointId);
    return { handle: entry.handle, obsolete };
  }

  /** All files of a checkpoint the job was restored from. */
  restored(handles: Iterable<SharedFile>, checkpointId: number, claimed: boolean): void {
    for (const handle of handles) this.register(handle.path, handle, checkpointId);
    this.checkpointCompleted(checkpointId);
    if (!claimed) this.#highestNotClaimedId = Math.max(this.#highestNotClaimedId, checkpointId);
  }

  checkpointCompleted(checkpointId: number): void {
    for (const entry of this.#entries.values()) if (entry.lastUsed === checkpointId) entry.confirmed = true;
  }

  /** Forgets what no checkpoint from `lowestRetainedId` on uses. Returns the files to delete. */
  unregisterUnused(lowestRetainedId: number): SharedFile[] {
    const unused: SharedFile[] = [];
    for (const [key, entry] of this.#entries) {
      if (entry.lastUsed >= lowestRetainedId) continue;
      this.#entries.delete(key);
      if (entry.createdBy > this.#highestNotClaimedId) unused.push(entry.handle);
    }
    return unused;
  }

  /** True when a file created by that checkpoint is still in use. */
  usesFilesOf(checkpointId: number): boolean {
    for (const entry of this.#entries.values()) if (entry.createdBy === checkpointId) return true;
    return false;
  }

  get size(): number {
    return this.#entries.size;
  }
}
