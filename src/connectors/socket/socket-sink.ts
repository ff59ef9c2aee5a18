/** Records as bytes to a TCP peer. */
import { connect, type Socket } from 'node:net';
import type { Sink, SinkWriter } from '../../api/sink.ts';
import { ExternalError } from '../../shared/errors.ts';

export interface SocketSinkOptions {
  readonly host: string;
  readonly port: number;
  readonly serialize: (value: never) => string | Uint8Array;
}

export function socketSink(options: SocketSinkOptions): Sink<unknown, never, never> {
  return { createWriter: () => SocketWriter.open(options) };
}

class SocketWriter implements SinkWriter<unknown, never, never> {
  readonly #socket: Socket;
  readonly #options: SocketSinkOptions;
  #failure: Error | undefined;

  private constructor(socket: Socket, options: SocketSinkOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('error', (error) => {
      this.#failure = failed(options, error);
    });
  }

  static async open(options: SocketSinkOptions): Promise<SocketWriter> {
    const socket = connect({ host: options.host, port: options.port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(failed(options, error)));
    });
    return new SocketWriter(socket, options);
  }

  write(value: unknown): void | Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#socket.write(this.#options.serialize(value as never))) return;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#socket.off('drain', settle);
        this.#socket.off('close', settle);
        if (this.#failure) reject(this.#failure);
        else resolve();
      };
      this.#socket.once('drain', settle);
      this.#socket.once('close', settle);
    });
  }

  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#socket.writableLength > 0) await new Promise<void>((resolve) => this.#socket.write('', () => resolve()));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.end(() => resolve());
    });
  }
}

function failed(options: SocketSinkOptions, error: Error): ExternalError {
  return new ExternalError('SOCKET_FAILED', {
    problem: `Writing to the socket ${options.host}:${options.port} failed: ${error.message}`,
    retriable: true,
    cause: error,
  });
}
