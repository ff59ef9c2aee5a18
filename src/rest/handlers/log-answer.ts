/** A file as an answer: read and sent piece by piece, however long it is. */
import type { RestAnswer } from '../http/router.ts';

/** Far below the largest message between processes. */
const pieceBytes = 256 * 1024;

type ReadPiece = (offset: number, length: number) => Promise<Uint8Array>;

/** `read` gives fewer bytes than were asked for only at the end of the file, and throws for a file that is not there. */
export async function fileAnswer(contentType: string, read: ReadPiece): Promise<RestAnswer> {
  const first = await read(0, pieceBytes);
  return { status: 200, contentType, content: pieces(first, read) };
}

export function logAnswer(read: ReadPiece): Promise<RestAnswer> {
  return fileAnswer('text/plain; charset=UTF-8', read);
}

async function* pieces(first: Uint8Array, read: ReadPiece): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = first;
  for (let offset = piece.length; piece.length > 0; offset += piece.length) {
    yield piece;
    if (piece.length < pieceBytes) return;
    piece = await read(offset, pieceBytes);
  }
}
