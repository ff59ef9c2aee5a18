/**
 * The consuming end of a channel from another TaskManager: opens the connection, and grants what it has room for. What is
 * granted and what waits here is together never more than the channel has for itself and has borrowed from its gate.
 */
import type { Socket } from 'node:net';
import type { BatchDecoder } from '../../../types/codec.ts';
import { connectInternal, type InternalTls } from '../../internal-sockets.ts';
import type { PolledElement } from '../channel.ts';
import { FrameAssembler, frameKind } from '../frames.ts';
import { fillFromFrame, type InputChannel } from '../input-channel.ts';
import type { Borrower, GateCredits } from '../memory/gate-credits.ts';
import { ChannelLoss } from './channel-lost.ts';
import { StreamSplitter } from './stream-splitter.ts';
import { checkedLengthBytes, corruptStream, encodeGrant, encodeHello } from './wire.ts';

const connectAttempts = 20;
const connectPauseMs = 100;

export interface TcpInputChannelOptions {
  readonly tls: InternalTls | undefined;
  readonly host: string;
  readonly port: number;
  readonly key: string;
  /** What the channel may buffer by itself. */
  readonly exclusiveBytes: number;
  /** What it may buffer beyond that, when its gate has it. */
  readonly mostBorrowedBytes: number;
  readonly credits: GateCredits;
  readonly decoder: BatchDecoder;
  readonly onFrame: () => void;
  readonly onError: (error: Error) => void;
}

export class TcpInputChannel implements InputChannel, Borrower {
  readonly #options: TcpInputChannelOptions;
  readonly #pieces: Buffer[] = [];
  readonly #assembler = new FrameAssembler();
  readonly #loss: ChannelLoss;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ended = false;
  #closed = false;
  #blocked = false;
  /** Granted and not received. */
  #outstanding = 0;
  /** Consumed and not granted again. */
  #ungranted = 0;
  #borrowed = 0;
  bytesIn = 0;
  bufferedBytes = 0;

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
    if (blocked) return;
    this.#grant();
    this.#borrowIfShort();
  }

  lend(bytes: number): void {
    this.#borrowed += bytes;
    this.#sendGrant(bytes);
  }

  close(): void {
    this.#closed = true;
    this.#loss.cancel();
    clearTimeout(this.#retry);
    this.#socket?.destroy();
    this.#pieces.length = 0;
    this.#giveBackAll();
  }

  #connect(attemptsLeft: number): void {
    const { host, port, key, tls, exclusiveBytes, onFrame, onError } = this.#options;
    let connected = false;
    let problem = '';
    const socket = connectInternal(tls, { host, port }, () => {
      connected = true;
      socket.write(encodeHello(key));
      this.#sendGrant(exclusiveBytes);
    });
    this.#socket = socket;
    const splitter = new StreamSplitter(exclusiveBytes);
    socket.on('data', (data) => {
      try {
        splitter.push(data, (piece) => {
          this.#outstanding -= piece.length + checkedLengthBytes;
          this.bufferedBytes += piece.length + checkedLengthBytes;
          if (this.#outstanding < 0) throw corruptStream('More came than was granted.');
          if (piece[0] === frameKind.endOfPartition) this.#ended = true;
          this.#pieces.push(piece);
        });
        this.#borrowIfShort();
      } catch (error) {
        socket.destroy();
        onError(error as Error);
        return;
      }
      onFrame();
    });
    socket.on('error', (error) => {
      problem = ` ${error.message}`;
    });
    socket.on('close', () => {
      if (this.#closed || this.#ended) return;
      if (!connected && attemptsLeft > 0) this.#retry = setTimeout(() => this.#connect(attemptsLeft - 1), connectPauseMs);
      else this.#loss.report(`The producer at ${host}:${port} went away.${problem}`);
    });
  }

  #consumed(bytes: number): void {
    this.#ungranted += bytes;
    this.bufferedBytes -= bytes;
    // Small grants cost a write each; but a producer without credit must not wait for one that never comes.
    if (this.#pieces.length === 0 || this.#ungranted * 2 >= this.#options.exclusiveBytes) this.#grant();
  }

  #grant(): void {
    if (this.#ended && this.#pieces.length === 0) this.#giveBackAll();
    if (this.#blocked || this.#ended) return;
    const { credits } = this.#options;
    if (this.#borrowed > 0 && (this.#pieces.length === 0 || credits.isAwaited)) {
      const back = Math.min(this.#borrowed, this.#ungranted);
      this.#ungranted -= back;
      this.#borrowed -= back;
      credits.giveBack(back);
    }
    if (this.#ungranted === 0) return;
    this.#sendGrant(this.#ungranted);
    this.#ungranted = 0;
  }

  /** A producer that has used up most of its credit has more to send. */
  #borrowIfShort(): void {
    const { exclusiveBytes, mostBorrowedBytes, credits } = this.#options;
    if (this.#blocked || this.#ended || this.#borrowed >= mostBorrowedBytes) return;
    if (this.#outstanding + this.#ungranted < exclusiveBytes / 2) credits.request(this);
  }

  #giveBackAll(): void {
    const { credits } = this.#options;
    credits.forget(this);
    credits.giveBack(this.#borrowed);
    this.#borrowed = 0;
  }

  #sendGrant(bytes: number): void {
    this.#outstanding += bytes;
    this.#socket?.write(encodeGrant(bytes));
  }
}
