/** The REST endpoint of a JobManager. */
import { http } from '../shared/node-http.ts';
import { listenOnFirst, parsePorts } from '../shared/ports.ts';
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

const portKeys = 'rest.bind-port or rest.port';

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
  const port = await listenOnFirst(server, host, parsePorts(bindPorts, portKeys), {
    ports: bindPorts,
    configuredBy: portKeys,
    addressConfiguredBy: 'rest.bind-address',
    tryNext: ['Stop the other process (is a cluster running already? stop-cluster.sh).', 'Set another port: rest.port: 8082'],
  });
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
