/** Typed two-way calls between a thread and its worker, or a process and its child, over what carries their messages. */
import { createBirpc } from 'birpc';
import { deserializeError, serializeError } from '../../shared/errors.ts';

export interface PortRpc<Remote> {
  readonly remote: Remote;
  /** Rejects all calls under way: the other side is gone. */
  close(error: Error): void;
}

/** A MessagePort, a Worker, or the channel to a child process. */
export interface MessageEnd {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Calls never time out by themselves: whether a thread is stuck is for its owner to judge. */
export function openPortRpc<Remote extends object>(port: MessageEnd, handlers: object): PortRpc<Remote> {
  const rpc = createBirpc<Record<string, (...args: unknown[]) => unknown>, Record<string, never>>(
    answering(handlers) as Record<string, never>,
    {
      post: (message: unknown) => port.postMessage(message),
      on: (listener: (message: unknown) => void) => {
        port.on('message', listener);
      },
      timeout: -1,
    } as never,
  );
  const remote = new Proxy({} as Remote, {
    get(_target, name) {
      if (typeof name !== 'string' || name === 'then') return undefined;
      return async (...args: unknown[]) => {
        const result = await (rpc as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]?.(...args);
        const failure = (result as { __error?: unknown } | null | undefined)?.__error;
        if (failure !== undefined) throw deserializeError(failure as never);
        return result;
      };
    },
  });
  return { remote, close: (error) => rpc.$close(error) };
}

function answering(handlers: object): Record<string, (...args: unknown[]) => Promise<unknown>> {
  const table: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  for (let object = handlers; object !== Object.prototype && object !== null; object = Object.getPrototypeOf(object) as object) {
    for (const name of Object.getOwnPropertyNames(object)) {
      const method = (handlers as Record<string, unknown>)[name];
      if (name === 'constructor' || typeof method !== 'function' || name in table) continue;
      table[name] = async (...args) => {
        try {
          return await (method as (...args: unknown[]) => unknown).apply(handlers, args);
        } catch (error) {
          return { __error: serializeError(error) };
        }
      };
    }
  }
  return table;
}
