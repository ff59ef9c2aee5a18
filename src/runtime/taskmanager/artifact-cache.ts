/** The artifacts that a TaskManager has fetched: one directory each, verified against its hash, shared by all slots. */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalError } from '../../shared/errors.ts';
import type { BlobKey } from '../../shared/ids.ts';
import { unpackArtifact } from '../dispatcher/blob-store.ts';

const pieceBytes = 1024 * 1024;

/** Reads a piece of a blob; an empty piece is the end. */
export type BlobReader = (request: { key: BlobKey; offset: number; length: number }) => Promise<Uint8Array>;

export class ArtifactCache {
  readonly #directory: string;
  readonly #artifacts = new Map<BlobKey, Promise<string>>();

  constructor(parentDirectory: string) {
    mkdirSync(parentDirectory, { recursive: true });
    this.#directory = mkdtempSync(join(parentDirectory, 'weir-artifacts-'));
  }

  /** The unpacked artifact. Rejects when what arrived is not what the hash says. */
  directory(key: BlobKey, read: BlobReader): Promise<string> {
    let artifact = this.#artifacts.get(key);
    if (!artifact) {
      artifact = this.#fetch(key, read);
      this.#artifacts.set(key, artifact);
      artifact.catch(() => this.#artifacts.delete(key));
    }
    return artifact;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #fetch(key: BlobKey, read: BlobReader): Promise<string> {
    const path = join(this.#directory, `${key}.tgz`);
    const hash = await download(path, key, read);
    if (hash !== key) {
      rmSync(path, { force: true });
      throw new ExternalError('ARTIFACT_DAMAGED', {
        problem: `The program's artifact ${key} arrived damaged.`,
        found: `Its hash is ${hash}.`,
        retriable: true,
      });
    }
    const directory = await unpackArtifact(path, join(this.#directory, key));
    rmSync(path);
    return directory;
  }
}

async function download(path: string, key: BlobKey, read: BlobReader): Promise<string> {
  const file = openSync(path, 'w');
  const hash = createHash('sha256');
  try {
    for (let offset = 0; ; ) {
      const piece = await read({ key, offset, length: pieceBytes });
      if (piece.length === 0) return hash.digest('hex');
      hash.update(piece);
      for (let written = 0; written < piece.length; ) written += writeSync(file, piece, written);
      offset += piece.length;
    }
  } finally {
    closeSync(file);
  }
}
