/** The REST endpoint of a JobManager. */
import type { Server } from 'node:http';
import { UserError } from '../shared/errors.ts';
import { http } from '../shared/node-http.ts';
import type { HandlerContext } from './handlers/handler-context.ts';
import { CrossOriginPolicy } from './http/cross-origin.ts';
import { answerMalformed, createRouter } from './http/router.ts';
import { restRoutes } from './routes.ts';
import { refusingRoutes } from './unserved-routes.ts';

export interface RestServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** Whoever may use the endpoint may run programs: nobody but this machine, unless it was asked for. */
const defaultBindAddress = 'localhost';

/** Throws UserError('PORT_TAKEN' | 'CANNOT_LISTEN'). */
export async function startRestServer(context: HandlerContext): Promise<RestServer> {
  const { config, log } = context;
  const server = http.createServer(
    { keepAliveTimeout: config.get('rest.idleness-timeout') },
    createRouter([...restRoutes(context), ...refusingRoutes()], {
      log,
      crossOrigin: new CrossOriginPolicy(config),
      maxBodyBytes: config.get('rest.server.max-content-length'),
    }),
  );
  server.on('clientError', answerMalformed);
  const host = config.get('rest.bind-address') ?? defaultBindAddress;
  const bindPorts = config.getText('rest.bind-port') ?? String(config.get('rest.port'));
  const port = await listenOnFirst(server, host, portRange(bindPorts), bindPorts);
  const named = host === '0.0.0.0' || host === '::' ? (config.get('rest.address') ?? 'localhost') : host;
  return {
    port,
    url: `http://${named.includes(':') ? `[${named}]` : named}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listenOnFirst(server: Server, host: string, ports: readonly number[], text: string): Promise<number> {
  for (const port of ports) {
    try {
      return await listen(server, host, port);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE') continue;
      throw new UserError('CANNOT_LISTEN', {
        problem: `The REST endpoint cannot listen on ${host}:${port}: ${message}`,
        found: 'The address comes from rest.bind-address, the port from rest.bind-port or rest.port.',
        tryNext: ['The address must be one of this machine; ports below 1024 need privileges.'],
        cause: error,
      });
    }
  }
  throw new UserError('PORT_TAKEN', {
    problem: ports.length === 1 ? `Port ${text} on ${host} is taken by another process.` : `All ports of ${text} on ${host} are taken.`,
    found: 'The port comes from rest.bind-port or rest.port.',
    tryNext: ['Stop the other process (is a cluster running already? stop-cluster.sh).', 'Set another port: rest.port: 8082'],
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** `8081`, `50100,50101`, `50100-50200`. */
function portRange(text: string): number[] {
  const ports = text.split(',').flatMap((part) => {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || from > to || to > 65535) {
      throw new UserError('BAD_PORT', {
        problem: `'${text}' is no port or range of ports.`,
        found: 'It comes from rest.bind-port or rest.port.',
        tryNext: ['rest.bind-port: 8081', 'rest.bind-port: 50100-50200'],
      });
    }
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return ports;
}
