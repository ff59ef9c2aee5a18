/** Artifacts by the hash of their bytes: written once, read by every TaskManager, gone with the process unless they are kept elsewhere too. */
import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar';
import { UserError } from '../../shared/errors.ts';
import type { BlobKey } from '../../shared/ids.ts';

/** Where artifacts outlive the process. */
export interface DurableBlobs {
  put(key: BlobKey, file: string): Promise<void>;
  /** False when it is not there. */
  fetch(key: BlobKey, target: string): Promise<boolean>;
}

export class BlobStore {
  readonly #durable: DurableBlobs | undefined;
  readonly #directory: string;
  readonly #unpacked = new Map<BlobKey, Promise<string>>();

  constructor(parentDirectory: string, durable?: DurableBlobs) {
    this.#durable = durable;
    mkdirSync(parentDirectory, { recursive: true });
    this.#directory = mkdtempSync(join(parentDirectory, 'weir-blobs-'));
  }

  async put(path: string): Promise<BlobKey> {
    const key = createHash('sha256').update(readFileSync(path)).digest('hex');
    const target = this.#file(key);
    if (!existsSync(target)) copyFileSync(path, target);
    await this.#durable?.put(key, target);
    return key;
  }

  /** Brings an artifact back that was put in an earlier process. False when it is nowhere. */
  async recover(key: BlobKey): Promise<boolean> {
    return existsSync(this.#file(key)) || ((await this.#durable?.fetch(key, this.#file(key))) ?? false);
  }

  /** An empty piece is the end. */
  read(key: BlobKey, offset: number, length: number): Uint8Array {
    if (!/^[0-9a-f]{64}$/.test(key) || !existsSync(this.#file(key))) {
      throw new UserError('BLOB_NOT_FOUND', {
        problem: `The artifact ${key} is not in the blob store.`,
        tryNext: ['Submit the program again.'],
      });
    }
    const file = openSync(this.#file(key), 'r');
    try {
      const piece = Buffer.alloc(length);
      return piece.subarray(0, readSync(file, piece, 0, length, offset));
    } finally {
      closeSync(file);
    }
  }

  /** The artifact as a directory. */
  unpack(key: BlobKey): Promise<string> {
    let directory = this.#unpacked.get(key);
    if (!directory) {
      directory = unpackArtifact(this.#file(key), join(this.#directory, `${key}.d`));
      this.#unpacked.set(key, directory);
    }
    return directory;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(key: BlobKey): string {
    return join(this.#directory, `${key}.tgz`);
  }
}

export async function unpackArtifact(file: string, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  await extract({ file, cwd: directory, strict: true });
  return directory;
}
