/**
 * The data listener of one slot: hands each connection to the transport that it names (docs/formats/network-frame.md). One
 * connection is one channel of one pair of attempts; the random part of their ids is what a stranger would have to guess.
 */
import type { Server, Socket } from 'node:net';
import { createInternalServer, type InternalTls } from '../../internal-sockets.ts';
import type { TcpTransport } from './tcp-transport.ts';
import { decodeHello, maxHelloBytes } from './wire.ts';

/** Whoever says nothing for so long is no consumer. */
const helloPatienceMs = 10_000;

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

  private constructor(tls: InternalTls | undefined) {
    this.#server = createInternalServer(tls, (socket) => this.#welcome(socket));
  }

  static async listen(host: string, port: number, tls: InternalTls | undefined): Promise<DataServer> {
    const data = new DataServer(tls);
    const server = data.#server;
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
    socket.setTimeout(helloPatienceMs, () => socket.destroy());
    let received: Buffer = Buffer.alloc(0);
    const onData = (data: Buffer): void => {
      received = received.length === 0 ? data : Buffer.concat([received, data]);
      const hello = decodeHello(received);
      if (hello === undefined) return;
      socket.off('data', onData);
      socket.setTimeout(0);
      if (hello === 'stranger') socket.destroy();
      else this.#accept(hello.key, socket, hello.rest);
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
