/**
 * The data listener of one slot: hands each connection to the transport that it names.
 *
 * Wire (docs/formats/network-frame.md): the consumer connects and says `u32 length, "WEIR", u8 version, channel key`; from
 * then on it sends grants (u32 bytes), and the producer pieces of frames (`u32 length, u8 kind, bytes`). One connection
 * is one channel of one pair of attempts; the random part of their ids is what a stranger would have to guess.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { TcpTransport } from './tcp-transport.ts';

const magic = Buffer.from('WEIR');
const wireVersion = 1;
const maxHelloBytes = 4096;

export function encodeHello(key: string): Buffer {
  const body = Buffer.concat([magic, Buffer.from([wireVersion]), Buffer.from(key, 'utf8')]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length, 0);
  return Buffer.concat([length, body]);
}

/** Undefined for a stranger. */
function decodeHello(body: Buffer): string | undefined {
  const known = body.subarray(0, magic.length).equals(magic) && body[magic.length] === wireVersion;
  return known ? body.toString('utf8', magic.length + 1) : undefined;
}

/** Its producer is not deployed yet. */
interface EarlyConnection {
  readonly socket: Socket;
  received: Buffer;
  readonly keep: (data: Buffer) => void;
}

export class DataServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #transports = new Map<string, TcpTransport>();
  readonly #early = new Map<string, EarlyConnection>();

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

  get connections(): number {
    return this.#sockets.size;
  }

  register(key: string, transport: TcpTransport): void {
    const early = this.#early.get(key);
    if (!early) {
      this.#transports.set(key, transport);
      return;
    }
    this.#early.delete(key);
    early.socket.off('data', early.keep);
    transport.attach(early.socket, early.received);
  }

  unregister(key: string): void {
    this.#transports.delete(key);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #welcome(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let received = Buffer.alloc(0);
    const onData = (data: Buffer): void => {
      received = Buffer.concat([received, data]);
      if (received.length < 4) return;
      const end = 4 + received.readUInt32LE(0);
      if (end <= maxHelloBytes && received.length < end) return;
      socket.off('data', onData);
      const key = end <= maxHelloBytes ? decodeHello(received.subarray(4, end)) : undefined;
      if (key === undefined) socket.destroy();
      else this.#accept(key, socket, received.subarray(end));
    };
    socket.on('data', onData);
  }

  #accept(key: string, socket: Socket, received: Buffer): void {
    const transport = this.#transports.get(key);
    if (transport) {
      this.#transports.delete(key);
      transport.attach(socket, received);
      return;
    }
    const early: EarlyConnection = { socket, received, keep: (data) => keep(early, data) };
    this.#early.set(key, early);
    // Read on: the end of a connection is not noticed otherwise.
    socket.on('data', early.keep);
    socket.on('close', () => {
      if (this.#early.get(key) === early) this.#early.delete(key);
    });
  }
}

function keep(early: EarlyConnection, data: Buffer): void {
  early.received = Buffer.concat([early.received, data]);
  if (early.received.length > maxHelloBytes) early.socket.destroy();
}
