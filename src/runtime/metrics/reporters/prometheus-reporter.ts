/** A page for Prometheus to scrape, one per process; every path gives it. */
import type { Logger } from '../../../shared/logger.ts';
import { http } from '../../../shared/node-http.ts';
import { listenOnFirst, parsePorts } from '../../../shared/ports.ts';
import type { ReportedGroup } from '../metric-group.ts';
import { type PrometheusTextOptions, prometheusText } from './prometheus-text.ts';

export interface PrometheusReporterOptions extends PrometheusTextOptions {
  readonly host: string;
  /** `9249`, `9250-9260`, or several with commas: the first that is free. */
  readonly ports: string;
  groups(): Promise<readonly ReportedGroup[]>;
  readonly log: Logger;
}

/** Throws UserError when no port is free. */
export async function startPrometheusReporter(options: PrometheusReporterOptions, configuredBy: string): Promise<{ close(): void }> {
  const { host, ports, log } = options;
  const server = http.createServer((request, response) => {
    request.resume();
    void pageOf(options).then(({ status, text }) => {
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  const port = await listenOnFirst(server, host, parsePorts(ports, configuredBy), { ports, configuredBy });
  log.info(`Metrics for Prometheus at http://${host}:${port}/metrics`);
  server.unref();
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function pageOf(options: PrometheusReporterOptions): Promise<{ status: number; text: string }> {
  try {
    return { status: 200, text: prometheusText(await options.groups(), options) };
  } catch (error) {
    options.log.error('The metrics could not be written.', error);
    return { status: 500, text: '' };
  }
}
