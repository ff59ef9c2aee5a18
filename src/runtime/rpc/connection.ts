/**
 * Typed two-way calls between processes: birpc over length-prefixed msgpack frames. The first frame is a greeting that names
 * protocol and version, so that a stray client is refused in words. A call has no time limit of its own, because a busy
 * machine is slow and not broken: heartbeats notice a silent process and close its connection, which rejects what is under way.
 */
import type { Socket } from 'node:net';
import { type BirpcReturn, createBirpc } from 'birpc';
import { Packr } from 'msgpackr';
import { deserializeError, ExternalError, serializeError } from '../../shared/errors.ts';
import { within } from '../../shared/time.ts';
import { connectInternal, createInternalServer, type InternalTls } from '../internal-sockets.ts';

const greeting = 'weir-rpc 1';

export interface RpcConnection<Remote extends object> {
  readonly remote: BirpcReturn<Remote, Record<string, never>>;
  readonly remoteAddress: string;
  onClose(listener: (error: Error) => void): void;
  close(): void;
}

type Handlers = object;

interface ErrorEnvelope {
  readonly __error: unknown;
}

/** Wraps `handlers` so that errors cross with their code and remote stack. */
export function openRpc<Remote extends object>(socket: Socket, handlers: Handlers, maxFrameBytes: number): RpcConnection<Remote> {
  // Records keep plain objects and Maps apart. Nothing in a message refers to another part of it, so no references are kept.
  const packr = new Packr({ useRecords: true, moreTypes: true });
  const closers: ((error: Error) => void)[] = [];
  let onMessage: (message: unknown) => void = () => {};
  let rest: Buffer = Buffer.alloc(0);
  let closed = false;

  const send = (message: unknown): void => {
    const body = packr.pack(message);
    if (body.length > maxFrameBytes)
      throw new ExternalError('RPC_FRAME_TOO_LARGE', {
        problem: `A message of ${body.length} bytes exceeds akka.framesize (${maxFrameBytes}).`,
        tryNext: ['Raise akka.framesize on all processes.'],
        retriable: false,
      });
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeUInt32LE(body.length, 0);
    body.copy(frame, 4);
    if (!socket.destroyed) socket.write(frame);
  };

  /** An answer that cannot be sent is answered by the reason; a call that cannot be made is the caller's to hear of. */
  const sendRefusal = (message: unknown, error: unknown): void => {
    const { t: type, i: call } = message as { t?: string; i?: string };
    if (type !== 's') throw error;
    send({ t: 's', i: call, r: { __error: serializeError(error) } satisfies ErrorEnvelope });
  };

  const rpc = createBirpc<Remote, Record<string, never>>(
    bound(handlers) as Record<string, never>,
    {
      post: (message: unknown) => {
        try {
          send(message);
        } catch (error) {
          sendRefusal(message, error);
        }
      },
      on: (listener: (message: unknown) => void) => {
        onMessage = listener;
      },
      timeout: -1,
      proxify: true,
    } as never,
  );

  socket.setNoDelay(true);
  socket.on('data', (data: Buffer) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= 4) {
      const length = rest.readUInt32LE(0);
      if (length > maxFrameBytes) {
        socket.destroy(new Error(`frame of ${length} bytes`));
        return;
      }
      if (rest.length < 4 + length) return;
      const body = rest.subarray(4, 4 + length);
      rest = rest.subarray(4 + length);
      onMessage(packr.unpack(body));
    }
  });
  let problem: Error | undefined;
  socket.on('error', (error) => {
    problem = error;
  });
  socket.on('close', () => {
    closed = true;
    const error = new ExternalError('RPC_CONNECTION_LOST', {
      problem: 'The connection to the other process was lost.',
      found: problem?.message,
      retriable: true,
    });
    rpc.$close(error);
    for (const listener of closers) listener(error);
  });
  return {
    remote: unwrapping(rpc),
    remoteAddress: socket.remoteAddress ?? 'unknown',
    onClose: (listener) => (closed ? listener(new Error('closed')) : closers.push(listener)),
    close: () => socket.destroy(),
  };
}

/** Methods bound to their object; a rejection travels as data. */
function bound(handlers: Handlers): Record<string, (...args: unknown[]) => Promise<unknown>> {
  const names = new Set<string>();
  for (let object = handlers; object !== Object.prototype && object !== null; object = Object.getPrototypeOf(object) as object) {
    for (const name of Object.getOwnPropertyNames(object)) if (name !== 'constructor') names.add(name);
  }
  const table: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (const name of names) {
    const method = (handlers as Record<string, unknown>)[name];
    if (typeof method !== 'function') continue;
    table[name] = async (...args) => {
      try {
        return await (method as (...args: unknown[]) => unknown).apply(handlers, args);
      } catch (error) {
        return { __error: serializeError(error) } satisfies ErrorEnvelope;
      }
    };
  }
  return table;
}

function unwrapping<R extends object>(rpc: BirpcReturn<R, Record<string, never>>): BirpcReturn<R, Record<string, never>> {
  return new Proxy(rpc, {
    get(target, name) {
      const call = Reflect.get(target, name) as unknown;
      if (typeof name !== 'string' || name.startsWith('$') || typeof call !== 'function') return call;
      return async (...args: unknown[]) => {
        const result = await (call as (...args: unknown[]) => Promise<unknown>)(...args);
        const failure = (result as ErrorEnvelope | null | undefined)?.__error;
        if (failure !== undefined) throw deserializeError(failure as never);
        return result;
      };
    },
  });
}

export interface RpcServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Greets each connection, then hands it over. */
export async function listenRpc(
  host: string,
  port: number,
  accept: (socket: Socket) => void,
  tls?: InternalTls | undefined,
): Promise<RpcServer> {
  const sockets = new Set<Socket>();
  const server = createInternalServer(tls, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    expectGreeting(socket, () => accept(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export async function connectRpc(host: string, port: number, timeoutMs: number, tls?: InternalTls | undefined): Promise<Socket> {
  let ready: () => void = () => {};
  const socket = connectInternal(tls, { host, port }, () => ready());
  const connected = new Promise<boolean>((resolve, reject) => {
    ready = () => resolve(true);
    socket.once('error', reject);
    // A peer that does not trust this one hangs up behind the handshake.
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
  if (!(await within(timeoutMs, connected))) {
    socket.destroy();
    throw new ExternalError('RPC_CONNECT_TIMEOUT', { problem: `${host}:${port} did not answer within ${timeoutMs} ms.`, retriable: true });
  }
  socket.write(`${greeting}\n`);
  return socket;
}

function expectGreeting(socket: Socket, welcome: () => void): void {
  let text = '';
  const onData = (data: Buffer): void => {
    text += data.toString('latin1');
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= greeting.length) return;
    socket.off('data', onData);
    if (text.slice(0, Math.max(end, 0)) !== greeting) {
      socket.end('This is the RPC port of a Weir JobManager; it speaks to TaskManagers. The REST API is on rest.port.\n');
      return;
    }
    const rest = data.subarray(data.length - (text.length - end - 1));
    socket.pause();
    welcome();
    if (rest.length > 0) socket.unshift(rest);
    socket.resume();
  };
  socket.on('data', onData);
}
