/**
 * Channels between slots of different TaskManagers: one connection a channel, opened by the consumer, which names the
 * channel and the shared secret of the job's attempt pair. Credit-based: the producer sends only what the consumer granted.
 *
 * Wire: consumer → producer `u32 length, utf-8 channel key`, then `u32 credit` grants; producer → consumer frames
 * `u32 length, kind, bytes`. docs/formats/network-frame.md.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ExternalError } from '../../shared/errors.ts';
import type { BatchDecoder } from '../../types/codec.ts';
import type { PolledElement } from './channel.ts';
import { FrameAssembler, fillFromFrame, type InputChannel } from './input-channel.ts';
import type { FrameTransport } from './subpartition.ts';

/** What a consumer buffers at most for one channel. */
export const channelCreditBytes = 256 * 1024;
const maxKeyBytes = 4096;
const maxFrameBytes = 1 << 30;

export class TcpTransport implements FrameTransport {
  readonly #onRoom: () => void;
  readonly #onError: (error: Error) => void;
  #socket: Socket | undefined;
  #credit = 0;
  #closed = false;
  #corked = false;

  constructor(onRoom: () => void, onError: (error: Error) => void) {
    this.#onRoom = onRoom;
    this.#onError = onError;
  }

  attach(socket: Socket): void {
    if (this.#socket || this.#closed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const grants = new Splitter(4, () => 4);
    socket.on('data', (data) => {
      grants.push(data, (piece) => {
        this.#credit += piece.readUInt32LE(0);
      });
      this.#onRoom();
    });
    socket.on('close', () => {
      if (!this.#closed) this.#onError(lost('The consumer of a channel went away.'));
    });
    socket.on('error', () => {});
    socket.resume();
  }

  /** A frame larger than all credit leaves when the whole credit is there: it then travels alone. */
  tryWrite(kind: number, bytes: Uint8Array): boolean {
    const socket = this.#socket;
    const needed = bytes.length + 5;
    if (!socket || (needed > this.#credit && this.#credit < channelCreditBytes)) return false;
    this.#credit -= needed;
    const frame = Buffer.allocUnsafe(needed);
    frame.writeUInt32LE(bytes.length + 1, 0);
    frame[4] = kind;
    frame.set(bytes, 5);
    this.#cork(socket);
    socket.write(frame);
    return true;
  }

  awaitRoom(): void {}

  close(): void {
    this.#closed = true;
    this.#socket?.end();
  }

  /** All frames of one turn leave in one write. */
  #cork(socket: Socket): void {
    if (this.#corked) return;
    this.#corked = true;
    socket.cork();
    setImmediate(() => {
      this.#corked = false;
      socket.uncork();
    });
  }
}

export class TcpInputChannel implements InputChannel {
  readonly #decoder: BatchDecoder;
  readonly #frames: Buffer[] = [];
  readonly #assembler = new FrameAssembler();
  readonly #onFrame: () => void;
  readonly #onError: (error: Error) => void;
  readonly #target: { host: string; port: number; key: string };
  #socket: Socket | undefined;
  #ended = false;
  #closed = false;
  #blocked = false;
  /** Consumed while blocked: granted when the alignment is over. */
  #withheld = 0;
  bytesIn = 0;

  constructor(
    target: { host: string; port: number; key: string },
    decoder: BatchDecoder,
    onFrame: () => void,
    onError: (error: Error) => void,
  ) {
    this.#target = target;
    this.#decoder = decoder;
    this.#onFrame = onFrame;
    this.#onError = onError;
    this.#connect(20);
  }

  get hasFrame(): boolean {
    return this.#frames.length > 0;
  }

  poll(into: PolledElement): boolean {
    for (let piece = this.#frames.shift(); piece; piece = this.#frames.shift()) {
      this.#grant(piece.length + 4);
      const frame = this.#assembler.add(piece);
      if (!frame) continue;
      this.bytesIn += fillFromFrame(frame, this.#decoder, into);
      if (into.event?.kind === 'end-of-partition') this.#ended = true;
      return true;
    }
    return false;
  }

  setBlocked(blocked: boolean): void {
    this.#blocked = blocked;
    if (blocked || this.#withheld === 0) return;
    const bytes = this.#withheld;
    this.#withheld = 0;
    this.#grant(bytes);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }

  #connect(attempts: number): void {
    const { host, port, key } = this.#target;
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    const frames = new Splitter(4, (header) => 4 + header.readUInt32LE(0));
    let connected = false;
    socket.on('connect', () => {
      connected = true;
      const name = Buffer.from(key);
      const hello = Buffer.alloc(4 + name.length);
      hello.writeUInt32LE(name.length, 0);
      name.copy(hello, 4);
      socket.write(hello);
      this.#grant(channelCreditBytes);
    });
    socket.on('data', (data) => {
      try {
        frames.push(data, (piece) => this.#frames.push(piece.subarray(4)));
      } catch (error) {
        this.#onError(error as Error);
        socket.destroy();
        return;
      }
      this.#onFrame();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#closed) return;
      if (!connected && attempts > 0) setTimeout(() => this.#closed || this.#connect(attempts - 1), 100);
      else if (!this.#ended && this.#frames.length === 0) this.#onError(lost(`The producer at ${host}:${port} went away.`));
      else if (!this.#ended) this.#failBehindData(host, port);
    });
  }

  /** The last frames may hold the end of the partition: judge when they are consumed. */
  #failBehindData(host: string, port: number): void {
    const check = (): void => {
      if (this.#closed || this.#ended) return;
      if (this.#frames.length > 0) setTimeout(check, 10);
      else this.#onError(lost(`The producer at ${host}:${port} went away.`));
    };
    check();
  }

  #grant(bytes: number): void {
    if (this.#blocked) {
      this.#withheld += bytes;
      return;
    }
    if (this.#socket?.destroyed !== false) return;
    const grant = Buffer.alloc(4);
    grant.writeUInt32LE(bytes, 0);
    this.#socket.write(grant);
  }
}

/** The data listener of one slot: hands each connection to the transport it names. */
export class DataServer {
  readonly #server: Server;
  readonly #transports = new Map<string, TcpTransport>();
  readonly #early = new Map<string, Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(host: string, port: number): Promise<DataServer> {
    const server = createServer({ noDelay: true });
    const data = new DataServer(server);
    server.on('connection', (socket) => data.#welcome(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    return data;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  register(key: string, transport: TcpTransport): void {
    const socket = this.#early.get(key);
    this.#early.delete(key);
    if (socket) transport.attach(socket);
    else this.#transports.set(key, transport);
  }

  unregister(key: string): void {
    this.#transports.delete(key);
    this.#early.get(key)?.destroy();
    this.#early.delete(key);
  }

  async close(): Promise<void> {
    for (const socket of this.#early.values()) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #welcome(socket: Socket): void {
    let hello = Buffer.alloc(0);
    socket.on('error', () => {});
    const onData = (data: Buffer): void => {
      hello = Buffer.concat([hello, data]);
      if (hello.length < 4) return;
      const length = hello.readUInt32LE(0);
      if (length > maxKeyBytes) {
        socket.destroy();
        return;
      }
      if (hello.length < 4 + length) return;
      socket.off('data', onData);
      socket.pause();
      const rest = hello.subarray(4 + length);
      if (rest.length > 0) socket.unshift(rest);
      this.#accept(hello.toString('utf8', 4, 4 + length), socket);
    };
    socket.on('data', onData);
  }

  #accept(key: string, socket: Socket): void {
    const transport = this.#transports.get(key);
    this.#transports.delete(key);
    if (transport) {
      transport.attach(socket);
      return;
    }
    // The producer is not deployed yet.
    this.#early.set(key, socket);
    socket.on('close', () => {
      if (this.#early.get(key) === socket) this.#early.delete(key);
    });
  }
}

/** Cuts a byte stream into pieces whose length stands in their first bytes. */
class Splitter {
  readonly #headerBytes: number;
  readonly #lengthOf: (header: Buffer) => number;
  #rest: Buffer = Buffer.alloc(0);
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #wanted = 0;

  constructor(headerBytes: number, lengthOf: (header: Buffer) => number) {
    this.#headerBytes = headerBytes;
    this.#lengthOf = lengthOf;
  }

  push(data: Buffer, use: (piece: Buffer) => void): void {
    this.#pending.push(data);
    this.#pendingBytes += data.length;
    if (this.#rest.length + this.#pendingBytes < this.#wanted) return;
    let bytes = this.#pending.length === 1 && this.#rest.length === 0 ? data : Buffer.concat([this.#rest, ...this.#pending]);
    this.#pending = [];
    this.#pendingBytes = 0;
    while (bytes.length >= this.#headerBytes) {
      const length = this.#lengthOf(bytes);
      if (length <= this.#headerBytes - 1 || length > maxFrameBytes) {
        throw new ExternalError('CORRUPT_FRAME', {
          problem: 'A data connection carried damaged bytes.',
          found: `A frame of ${length} bytes was announced.`,
          retriable: true,
        });
      }
      this.#wanted = length;
      if (bytes.length < length) break;
      use(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      this.#wanted = this.#headerBytes;
    }
    this.#rest = bytes;
  }
}

function lost(problem: string): ExternalError {
  return new ExternalError('CHANNEL_LOST', { problem, found: 'Its TaskManager or slot died, or the network failed.', retriable: true });
}
