/** A multipart/form-data body whose files are read while they are sent. */
import { randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import type { StreamedBody } from './rest-client.ts';

export type Part =
  | { readonly name: string; readonly json: unknown }
  | { readonly name: string; readonly fileName: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly fileName: string; readonly path: string };

export function multipartBody(parts: readonly Part[]): StreamedBody {
  const boundary = `weir-${randomBytes(12).toString('hex')}`;
  const closing = Buffer.from(`--${boundary}--\r\n`);
  const pieces = parts.map((part) => ({ head: partHead(part, boundary), part, length: contentLength(part) }));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: pieces.reduce((sum, piece) => sum + piece.head.length + piece.length + 2, closing.length),
    async write(send) {
      for (const { head, part } of pieces) {
        await send(head);
        await sendContent(part, send);
        await send(lineEnd);
      }
      await send(closing);
    },
  };
}

const lineEnd = Buffer.from('\r\n');

function partHead(part: Part, boundary: string): Buffer {
  const file = 'fileName' in part ? `; filename="${part.fileName.replace(/["\r\n]/g, '_')}"` : '';
  const type = 'json' in part ? 'application/json' : 'application/octet-stream';
  return Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${file}\r\nContent-Type: ${type}\r\n\r\n`);
}

function contentLength(part: Part): number {
  if ('json' in part) return Buffer.byteLength(JSON.stringify(part.json));
  return 'bytes' in part ? part.bytes.length : statSync(part.path).size;
}

async function sendContent(part: Part, send: (piece: Uint8Array) => Promise<void>): Promise<void> {
  if ('json' in part) return send(Buffer.from(JSON.stringify(part.json)));
  if ('bytes' in part) return send(part.bytes);
  for await (const piece of createReadStream(part.path)) await send(piece as Buffer);
}
