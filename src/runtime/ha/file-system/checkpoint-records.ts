/** Completed checkpoints and the id counter of one job, as records of a leadership: pointers to the metadata, not the state. */
import { ExternalError } from '../../../shared/errors.ts';
import type { JobId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/logger.ts';
import type { CheckpointIdCounter } from '../../checkpoint/checkpoint-id-counter.ts';
import type { CompletedCheckpoint } from '../../checkpoint/completed-checkpoint.ts';
import type { CompletedCheckpointRecords } from '../../checkpoint/completed-checkpoint-store.ts';
import { decodeMetadata, encodeMetadata } from '../../checkpoint/metadata/metadata-codec.ts';
import { loadSnapshot } from '../../checkpoint/storage/resolve-pointer.ts';
import type { EpochRecords } from './epoch-records.ts';

interface CheckpointRecord {
  readonly checkpointId: number;
  readonly properties: CompletedCheckpoint['properties'];
  readonly directory: string | null;
  readonly metadataFile: string | null;
  readonly foreign: boolean;
  readonly completedAt: number;
  /** Base64; of a checkpoint without files. */
  readonly metadata: string | null;
}

export class RecordedCheckpoints implements CompletedCheckpointRecords {
  readonly #records: EpochRecords;
  readonly #prefix: string;
  readonly #log: Logger;

  constructor(records: EpochRecords, jobId: JobId, log: Logger) {
    this.#records = records;
    this.#prefix = `checkpoint-${jobId}-`;
    this.#log = log;
  }

  put({ metadata, properties, place, completedAt }: CompletedCheckpoint): Promise<void> {
    const record: CheckpointRecord = {
      checkpointId: metadata.checkpointId,
      properties,
      directory: place.directory ?? null,
      metadataFile: place.metadataFile ?? null,
      foreign: place.foreign,
      completedAt,
      metadata: place.metadataFile === undefined ? Buffer.from(encodeMetadata(metadata)).toString('base64') : null,
    };
    return this.#records.put(this.#name(metadata.checkpointId), record);
  }

  remove(checkpointId: number): Promise<void> {
    return this.#records.remove(this.#name(checkpointId));
  }

  /** An older one may be gone already: the former leader was removing it. The newest must be readable. */
  async list(which?: 'readable'): Promise<CompletedCheckpoint[]> {
    const names = await this.#records.names(this.#prefix);
    const found: CompletedCheckpoint[] = [];
    for (const name of names) {
      try {
        found.push(await load((await this.#records.get(name)) as CheckpointRecord));
      } catch (error) {
        if (isPassing(error) || (name === names.at(-1) && which !== 'readable')) throw error;
        this.#log.warn(`A checkpoint that is no longer the newest cannot be read and is forgotten: ${(error as Error).message}`);
        await this.#records.remove(name);
      }
    }
    return found;
  }

  #name(checkpointId: number): string {
    return `${this.#prefix}${String(checkpointId).padStart(19, '0')}`;
  }
}

async function load(record: CheckpointRecord): Promise<CompletedCheckpoint> {
  const { properties, completedAt, foreign } = record;
  const place = { directory: record.directory ?? undefined, metadataFile: record.metadataFile ?? undefined, foreign };
  const metadata =
    place.metadataFile === undefined
      ? decodeMetadata(Buffer.from(record.metadata ?? '', 'base64'), `checkpoint ${record.checkpointId}`)
      : (await loadSnapshot(place.metadataFile)).metadata;
  return { metadata, properties, place, completedAt };
}

function isPassing(error: unknown): boolean {
  return error instanceof ExternalError && error.retriable;
}

interface RecordedIds {
  /** Of all that this job was given. */
  readonly first: number;
  readonly next: number;
}

/** Recorded before it is used: ids never meet those of another leader, whatever it still had under way. */
export class RecordedCheckpointIds implements CheckpointIdCounter {
  readonly #records: EpochRecords;
  readonly #name: string;
  #ids: RecordedIds | undefined;

  constructor(records: EpochRecords, jobId: JobId) {
    this.#records = records;
    this.#name = `checkpoint-ids-${jobId}`;
  }

  async next(): Promise<number> {
    const { first, next } = (await this.#current()) ?? { first: 1, next: 1 };
    await this.#set({ first, next: next + 1 });
    return next;
  }

  async startAt(id: number): Promise<number> {
    const { first, next } = (await this.#current()) ?? { first: id, next: id };
    await this.#set({ first, next: Math.max(next, id) });
    return first;
  }

  async clear(): Promise<void> {
    await this.#records.remove(this.#name);
  }

  async #current(): Promise<RecordedIds | undefined> {
    this.#ids ??= await this.#records.get<RecordedIds>(this.#name);
    return this.#ids;
  }

  async #set(ids: RecordedIds): Promise<void> {
    await this.#records.put(this.#name, ids);
    this.#ids = ids;
  }
}
