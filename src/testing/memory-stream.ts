/** State streams in memory. */
import { crc32 } from 'node:zlib';
import { BugError } from '../shared/assert.ts';
import type { StreamHandle } from '../state/snapshot/handles.ts';
import type { CheckpointOutputStream } from '../state/storage/checkpoint-streams.ts';

export class MemoryStream implements CheckpointOutputStream {
  readonly isReady = true;
  readonly #pieces: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  async whenReady(): Promise<void> {}

  async close(): Promise<StreamHandle | undefined> {
    const bytes = new Uint8Array(Buffer.concat(this.#pieces));
    return bytes.length === 0 ? undefined : { kind: 'bytes', bytes, checksum: crc32(bytes) };
  }

  async abort(): Promise<void> {}
}

export async function readFromMemory({ stream }: { readonly stream: StreamHandle }): Promise<Uint8Array> {
  if (stream.kind !== 'bytes') throw new BugError(`a ${stream.kind} handle in memory`);
  return stream.bytes;
}
