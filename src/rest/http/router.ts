/** Routes HTTP requests to handlers: every path with and without `/v1`, every answer JSON or text, every failure told in words. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Logger } from '../../shared/logger.ts';
import { readJson } from './body.ts';
import { describeError, RestError } from './rest-error.ts';

export interface RestRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly raw: IncomingMessage;
  /** The JSON body; `{}` when there is none. */
  body(): Promise<Record<string, unknown>>;
}

export interface RestAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly content: string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
  readonly handle: (request: RestRequest) => Promise<RestAnswer>;
}

export function json(content: unknown, status = 200): RestAnswer {
  return { status, contentType: 'application/json; charset=UTF-8', content: JSON.stringify(content) };
}

export function text(content: string): RestAnswer {
  return { status: 200, contentType: 'text/plain; charset=UTF-8', content };
}

export interface RouterOptions {
  readonly log: Logger;
  readonly allowedOrigin: string;
  readonly maxBodyBytes: number;
}

export function createRouter(
  routes: readonly Route[],
  options: RouterOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 4096 });
  for (const { method, path, handle } of routes) {
    const handler = (raw: IncomingMessage, response: ServerResponse, params: Record<string, string | undefined>): void => {
      const url = new URL(raw.url ?? '/', 'http://rest');
      const request: RestRequest = {
        params: params as Record<string, string>,
        query: url.searchParams,
        raw,
        body: () => readJson(raw, options.maxBodyBytes),
      };
      void answer(response, options, async () => {
        refuseLarge(raw, options.maxBodyBytes);
        return handle(request);
      });
    };
    router.on(method as HTTPMethod, path, handler);
    router.on(method as HTTPMethod, `/v1${path}`, handler);
  }
  const unknown = (raw: IncomingMessage, response: ServerResponse): void => {
    void answer(response, options, async () => {
      throw new RestError(404, `Not found: ${raw.method} ${new URL(raw.url ?? '/', 'http://rest').pathname}`);
    });
  };
  return (request, response) => {
    request.on('error', () => {});
    const found = findRoute(router, request);
    if (found) found.handler(request, response, found.params, found.store, found.searchParams);
    else unknown(request, response);
  };
}

function findRoute(router: ReturnType<typeof findMyWay>, request: IncomingMessage): ReturnType<ReturnType<typeof findMyWay>['find']> {
  try {
    return router.find(request.method as HTTPMethod, request.url ?? '/');
  } catch {
    return null;
  }
}

function refuseLarge(raw: IncomingMessage, maxBodyBytes: number): void {
  const announced = Number(raw.headers['content-length'] ?? 0);
  if (announced > maxBodyBytes)
    throw new RestError(413, `The request has ${announced} bytes; rest.server.max-content-length allows ${maxBodyBytes}.`);
}

async function answer(response: ServerResponse, options: RouterOptions, work: () => Promise<RestAnswer>): Promise<void> {
  try {
    send(response, await work(), options);
  } catch (error) {
    const known = describeError(error);
    if (!known) options.log.error('A request could not be handled.', error);
    const { status, message } = known ?? { status: 500, message: 'Internal server error.' };
    send(response, json({ errors: [message] }, status), options);
  }
}

function send(response: ServerResponse, { status, contentType, content }: RestAnswer, { allowedOrigin }: RouterOptions): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(content),
    'access-control-allow-origin': allowedOrigin,
    'cache-control': 'no-store',
  });
  response.end(content);
  // What is left of a refused upload is not worth reading.
  if (status === 413) response.once('finish', () => response.req.destroy());
}
