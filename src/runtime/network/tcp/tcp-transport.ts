/**
 * The producing end of a channel to another TaskManager. It sends only what the consumer has granted, and holds segments of its
 * partition for what has not left the process yet.
 */
import type { Socket } from 'node:net';
import { FrameTransport } from '../frame-transport.ts';
import { frameKind } from '../frames.ts';
import type { ChannelBuffers } from '../memory/partition-buffers.ts';
import { ChannelLoss } from './channel-lost.ts';
import { decodeGrant, encodePiece, grantBytes, pieceHeaderBytes } from './wire.ts';

export interface TcpTransportOptions {
  readonly buffers: ChannelBuffers;
  readonly onRoom: () => void;
  readonly onError: (error: Error) => void;
  readonly onClose: () => void;
}

export class TcpTransport extends FrameTransport {
  readonly #options: TcpTransportOptions;
  readonly #loss: ChannelLoss;
  #socket: Socket | undefined;
  #credit = 0;
  /** Given to the socket, which has not written it. */
  #heldBytes = 0;
  #awaitsRoom = false;
  #partOfGrant: Buffer = Buffer.alloc(0);
  #corked = false;
  /** The end of the partition has left: the consumer may hang up. */
  #complete = false;
  #closed = false;
  protected longestPiece = 0;

  constructor(options: TcpTransportOptions) {
    super();
    this.#options = options;
    this.#loss = new ChannelLoss(options.onError);
  }

  /** The consumer has connected; `received` has come behind its hello. */
  attach(socket: Socket, received: Buffer): void {
    if (this.#socket || this.#closed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on('data', (data) => this.#addGrants(data));
    socket.on('close', () => {
      if (!this.#closed && !this.#complete) this.#loss.report('The consumer of a channel went away.');
    });
    this.#addGrants(received);
  }

  awaitRoom(wanted: boolean): void {
    this.#awaitsRoom = wanted;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loss.cancel();
    if (this.#complete) this.#socket?.end();
    else this.#socket?.destroy();
    this.#options.onClose();
  }

  protected tryWritePiece(kind: number, bytes: Uint8Array): boolean {
    const socket = this.#socket;
    const needed = bytes.length + pieceHeaderBytes;
    if (!socket || needed > this.#credit || !this.#tryHold(needed)) return false;
    this.#credit -= needed;
    this.#cork(socket);
    socket.write(encodePiece(kind, bytes), () => this.#letGo(needed));
    if (kind === frameKind.endOfPartition) this.#complete = true;
    return true;
  }

  protected announce(): void {}

  #segmentsOf(bytes: number): number {
    return Math.ceil(bytes / this.#options.buffers.settings.segmentBytes);
  }

  #tryHold(bytes: number): boolean {
    const { buffers } = this.#options;
    const wanted = this.#segmentsOf(this.#heldBytes + bytes) - buffers.held;
    if (wanted > 0 && !buffers.tryReserve(wanted)) return false;
    this.#heldBytes += bytes;
    return true;
  }

  #letGo(bytes: number): void {
    const { buffers, onRoom } = this.#options;
    this.#heldBytes -= bytes;
    buffers.release(buffers.held - this.#segmentsOf(this.#heldBytes));
    if (this.#awaitsRoom && !this.#closed) onRoom();
  }

  /** All pieces of one turn leave in one write. */
  #cork(socket: Socket): void {
    if (this.#corked) return;
    this.#corked = true;
    socket.cork();
    setImmediate(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  #addGrants(data: Buffer): void {
    const bytes = this.#partOfGrant.length === 0 ? data : Buffer.concat([this.#partOfGrant, data]);
    const whole = bytes.length - (bytes.length % grantBytes);
    try {
      for (let at = 0; at < whole; at += grantBytes) this.#credit += decodeGrant(bytes, at);
    } catch (error) {
      this.#socket?.destroy();
      if (!this.#closed) this.#options.onError(error as Error);
      return;
    }
    this.#partOfGrant = bytes.subarray(whole);
    // The first grant is all the consumer ever buffers: a piece of half of it always finds room in the end.
    if (this.longestPiece === 0 && this.#credit > 0) {
      const { exclusive, segmentBytes } = this.#options.buffers.settings;
      this.longestPiece = Math.min(this.#credit / 2, exclusive * segmentBytes) - pieceHeaderBytes;
    }
    if (this.#awaitsRoom && !this.#closed) this.#options.onRoom();
  }
}
