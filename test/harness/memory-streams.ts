/** State streams in memory: `bytes` is what a file would hold, readiness is in the test's hand. */
import { crc32 } from 'node:zlib';
import type { StreamHandle } from '../../src/state/snapshot/handles.ts';
import type { CheckpointOutputStream } from '../../src/state/storage/checkpoint-streams.ts';

export class MemoryStream implements CheckpointOutputStream {
  readonly pieces: Uint8Array[] = [];
  isReady = true;
  aborted = false;
  failure: Error | undefined;

  write(bytes: Uint8Array): void {
    this.pieces.push(bytes);
  }

  async whenReady(): Promise<void> {
    if (this.failure) throw this.failure;
  }

  async close(): Promise<StreamHandle | undefined> {
    if (this.failure) throw this.failure;
    const bytes = new Uint8Array(Buffer.concat(this.pieces));
    return bytes.length === 0 ? undefined : { kind: 'bytes', bytes, checksum: crc32(bytes) };
  }

  async abort(): Promise<void> {
    this.aborted = true;
  }
}

export async function readFromHandle(handle: { readonly stream: StreamHandle }): Promise<Uint8Array> {
  return (handle.stream as Extract<StreamHandle, { kind: 'bytes' }>).bytes;
}
