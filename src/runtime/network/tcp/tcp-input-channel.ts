/** The consuming end of a channel from another TaskManager: opens the connection, and grants what it has room for. */
import { connect, type Socket } from 'node:net';
import type { BatchDecoder } from '../../../types/codec.ts';
import type { PolledElement } from '../channel.ts';
import { FrameAssembler, frameKind } from '../frames.ts';
import { fillFromFrame, type InputChannel } from '../input-channel.ts';
import { ChannelLoss } from './channel-lost.ts';
import { StreamSplitter } from './stream-splitter.ts';
import { checkedLengthBytes, encodeGrant, encodeHello } from './wire.ts';

const connectAttempts = 20;
const connectPauseMs = 100;

export interface TcpInputChannelOptions {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  /** What is buffered at most. */
  readonly creditBytes: number;
  readonly decoder: BatchDecoder;
  readonly onFrame: () => void;
  readonly onError: (error: Error) => void;
}

export class TcpInputChannel implements InputChannel {
  readonly #options: TcpInputChannelOptions;
  readonly #pieces: Buffer[] = [];
  readonly #assembler = new FrameAssembler();
  readonly #loss: ChannelLoss;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ended = false;
  #closed = false;
  #blocked = false;
  /** Consumed and not granted again. */
  #ungranted = 0;
  bytesIn = 0;

  constructor(options: TcpInputChannelOptions) {
    this.#options = options;
    this.#loss = new ChannelLoss(options.onError);
    this.#connect(connectAttempts);
  }

  get hasFrame(): boolean {
    return this.#pieces.length > 0;
  }

  poll(into: PolledElement): boolean {
    for (let piece = this.#pieces.shift(); piece; piece = this.#pieces.shift()) {
      const frame = this.#assembler.add(piece);
      if (frame) this.bytesIn += fillFromFrame(frame, this.#options.decoder, into);
      this.#consumed(piece.length + checkedLengthBytes);
      if (frame) return true;
    }
    return false;
  }

  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    if (!blocked) this.#grant();
  }

  close(): void {
    this.#closed = true;
    this.#loss.cancel();
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#pieces.length = 0;
  }

  #connect(attemptsLeft: number): void {
    const { host, port, key, creditBytes, onFrame, onError } = this.#options;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    const splitter = new StreamSplitter(creditBytes);
    let connected = false;
    socket.on('connect', () => {
      connected = true;
      socket.write(encodeHello(key));
      this.#sendGrant(creditBytes);
    });
    socket.on('data', (data) => {
      try {
        splitter.push(data, (piece) => {
          if (piece[0] === frameKind.endOfPartition) this.#ended = true;
          this.#pieces.push(piece);
        });
      } catch (error) {
        socket.destroy();
        onError(error as Error);
        return;
      }
      onFrame();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#closed || this.#ended) return;
      if (!connected && attemptsLeft > 0) this.#retry = setTimeout(() => this.#connect(attemptsLeft - 1), connectPauseMs);
      else this.#loss.report(`The producer at ${host}:${port} went away.`);
    });
  }

  #consumed(bytes: number): void {
    this.#ungranted += bytes;
    // Small grants cost a write each; but a producer without credit must not wait for one that never comes.
    if (this.#pieces.length === 0 || this.#ungranted * 2 >= this.#options.creditBytes) this.#grant();
  }

  #grant(): void {
    if (this.#blocked || this.#ended || this.#ungranted === 0) return;
    this.#sendGrant(this.#ungranted);
    this.#ungranted = 0;
  }

  #sendGrant(bytes: number): void {
    this.#socket?.write(encodeGrant(bytes));
  }
}
