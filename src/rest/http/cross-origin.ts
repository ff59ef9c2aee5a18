/**
 * What pages of other origins may do with the endpoint: read it, as Flink allows (`web.access-control-allow-origin` is `*`).
 * To change anything they need that key set to their origin: without this rule any page that somebody visits could run programs
 * on a cluster of the same machine. Browsers tell who asks in `Sec-Fetch-Site`; scripts and Flink's own clients send no such header.
 */
import type { IncomingMessage } from 'node:http';
import type { Configuration } from '../../config/configuration.ts';
import { RestError } from './rest-error.ts';

const originKey = 'web.access-control-allow-origin';

export class CrossOriginPolicy {
  readonly #origin: string;
  readonly #isTrusted: boolean;

  constructor(config: Configuration) {
    this.#origin = config.get(originKey);
    this.#isTrusted = config.has(originKey) && this.#origin !== '*';
  }

  /** Of every answer. */
  get headers(): Readonly<Record<string, string>> {
    const open = { 'access-control-allow-origin': this.#origin };
    return this.#isTrusted ? { ...open, 'access-control-allow-credentials': 'true', vary: 'Origin' } : open;
  }

  /** Of the answer to a preflight request; undefined when no page has to ask. */
  get preflightHeaders(): Readonly<Record<string, string>> | undefined {
    if (!this.#isTrusted) return undefined;
    return {
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
    };
  }

  /** Throws RestError 403. */
  check({ headers }: IncomingMessage): void {
    if (this.#isTrusted || headers['sec-fetch-site'] !== 'cross-site') return;
    throw new RestError(
      403,
      `A web page of ${headers.origin ?? 'another origin'} may not change this cluster. Set ${originKey} to its origin to allow it.`,
    );
  }
}
