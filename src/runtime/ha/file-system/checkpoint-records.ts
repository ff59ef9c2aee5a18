/** Completed checkpoints and the id counter of one job, as records of a leadership: pointers to the metadata, not the state. */
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
  async list(): Promise<CompletedCheckpoint[]> {
    const names = await this.#records.names(this.#prefix);
    const found: CompletedCheckpoint[] = [];
    for (const name of names) {
      try {
        found.push(await load((await this.#records.get(name)) as CheckpointRecord));
      } catch (error) {
        if (name === names.at(-1)) throw error;
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

/** Recorded before it is used: ids never meet those of another leader, whatever it still had under way. */
export class RecordedCheckpointIds implements CheckpointIdCounter {
  readonly #records: EpochRecords;
  readonly #name: string;
  #next: Promise<number> | undefined;

  constructor(records: EpochRecords, jobId: JobId) {
    this.#records = records;
    this.#name = `checkpoint-ids-${jobId}`;
  }

  async next(): Promise<number> {
    const id = await this.#current();
    await this.#set(id + 1);
    return id;
  }

  async startAt(id: number): Promise<void> {
    await this.#set(Math.max(await this.#current(), id));
  }

  async clear(): Promise<void> {
    await this.#records.remove(this.#name);
  }

  #current(): Promise<number> {
    this.#next ??= this.#records.get<number>(this.#name).then((stored) => stored ?? 1);
    return this.#next;
  }

  async #set(next: number): Promise<void> {
    await this.#records.put(this.#name, next);
    this.#next = Promise.resolve(next);
  }
}
