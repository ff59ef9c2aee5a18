/** How everybody on this machine talks to the embedded resource manager: typed calls over a socket in its directory. */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { openRpc } from '../../../runtime/rpc/connection.ts';
import type { YarnProtocols } from '../protocol/protocols.ts';
import type { YarnPlace } from './place.ts';

const maxFrameBytes = 64 * 2 ** 20;

/** What the daemon answers besides YARN's own conversations. */
export interface EmbeddedYarnGateway extends YarnProtocols {
  /** Ends all applications, then the daemon. */
  shutDown(): Promise<void>;
  status(): Promise<{ pid: number; directory: string }>;
}

export interface EmbeddedYarnConnection {
  readonly yarn: EmbeddedYarnGateway;
  onClose(listener: () => void): void;
  close(): void;
}

/** Undefined when no resource manager works there. */
export async function connectEmbedded(place: YarnPlace): Promise<EmbeddedYarnConnection | undefined> {
  const socket = await open(place.socket);
  if (!socket) return undefined;
  const connection = openRpc<EmbeddedYarnGateway>(socket, {}, maxFrameBytes);
  return {
    yarn: connection.remote as unknown as EmbeddedYarnGateway,
    onClose: (listener) => connection.onClose(listener),
    close: () => connection.close(),
  };
}

/** Takes the place of a socket that nobody listens on. To be called by one process at a time. */
export async function listenEmbedded(place: YarnPlace, gateway: EmbeddedYarnGateway): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    openRpc(socket, gateway, maxFrameBytes);
  });
  rmSync(place.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.socket, resolve);
  });
  chmodSync(place.socket, 0o600);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
  });
}
