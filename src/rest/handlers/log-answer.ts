/** A log file as an answer: read and sent piece by piece, however long it is. */
import { type RestAnswer, textStream } from '../http/router.ts';

/** Far below the largest message between processes. */
const pieceBytes = 256 * 1024;

/** `read` gives fewer bytes than were asked for only at the end of the file, and throws for a file that is not there. */
export async function logAnswer(read: (offset: number, length: number) => Promise<Uint8Array>): Promise<RestAnswer> {
  const first = await read(0, pieceBytes);
  return textStream(pieces(first, read));
}

async function* pieces(
  first: Uint8Array,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = first;
  for (let offset = piece.length; piece.length > 0; offset += piece.length) {
    yield piece;
    if (piece.length < pieceBytes) return;
    piece = await read(offset, pieceBytes);
  }
}
