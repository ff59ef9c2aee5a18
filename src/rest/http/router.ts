/**
 * Routes HTTP requests to handlers: every path with and without `/v1`, every answer JSON or text, every failure told in words,
 * whatever was sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Logger } from '../../shared/logger.ts';
import { http } from '../../shared/node-http.ts';
import { readJson } from './body.ts';
import type { CrossOriginPolicy } from './cross-origin.ts';
import { describeError, RestError } from './rest-error.ts';

export interface RestRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly raw: IncomingMessage;
  /** Aborted when the client goes away before it has its answer. */
  readonly signal: AbortSignal;
  /** The JSON body; `{}` when there is none. */
  body(): Promise<Record<string, unknown>>;
}

export interface RestAnswer {
  readonly status: number;
  readonly contentType: string;
  /** A stream is sent as it comes; when it fails, the connection is cut. */
  readonly content: string | AsyncIterable<Uint8Array>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
  /** One line for the reference. */
  readonly does: string;
  /** Flink has no such route. */
  readonly weirOnly?: boolean;
  /** A GET that changes something, for pages that can send nothing else. */
  readonly actsOnGet?: boolean;
  readonly handle: (request: RestRequest) => Promise<RestAnswer>;
}

const jsonType = 'application/json; charset=UTF-8';

export function json(content: unknown, status = 200): RestAnswer {
  return { status, contentType: jsonType, content: JSON.stringify(content) };
}

export interface RouterOptions {
  readonly log: Logger;
  readonly crossOrigin: CrossOriginPolicy;
  readonly maxBodyBytes: number;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export function createRouter(routes: readonly Route[], options: RouterOptions): Listener {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 4096 });
  for (const route of routes) {
    for (const path of [route.path, `/v1${route.path}`]) router.on(route.method, path, () => {}, route);
  }
  return (request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    const abort = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) abort.abort();
    });
    void answer(request, response, options, () => dispatch(router, request, abort.signal, options));
  };
}

async function dispatch(
  router: ReturnType<typeof findMyWay>,
  raw: IncomingMessage,
  signal: AbortSignal,
  options: RouterOptions,
): Promise<RestAnswer> {
  const { path, query } = splitUrl(raw.url ?? '/');
  if (raw.method === 'OPTIONS' && options.crossOrigin.preflightHeaders) return { status: 204, contentType: jsonType, content: '' };
  // Node sends no body with the answer to a HEAD.
  const method = raw.method === 'HEAD' ? 'GET' : raw.method;
  const found = router.find(method as HTTPMethod, path);
  const route = found?.store as Route | null | undefined;
  if (!found || !route) throw new RestError(404, `Not found: ${raw.method} ${path}`);
  if (method !== 'GET' || route.actsOnGet) options.crossOrigin.check(raw);
  refuseLarge(raw, options.maxBodyBytes);
  return route.handle({
    params: found.params as Record<string, string>,
    query,
    raw,
    signal,
    body: () => readJson(raw, options.maxBodyBytes),
  });
}

/** By hand: `URL` throws at what anybody can send. */
function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const [beforeFragment = ''] = url.split('#', 1);
  const mark = beforeFragment.indexOf('?');
  if (mark < 0) return { path: beforeFragment, query: new URLSearchParams() };
  return { path: beforeFragment.slice(0, mark), query: new URLSearchParams(beforeFragment.slice(mark + 1)) };
}

function refuseLarge(raw: IncomingMessage, maxBodyBytes: number): void {
  const announced = Number(raw.headers['content-length'] ?? 0);
  if (announced > maxBodyBytes)
    throw new RestError(413, `The request has ${announced} bytes; rest.server.max-content-length allows ${maxBodyBytes}.`);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: RouterOptions,
  work: () => Promise<RestAnswer>,
): Promise<void> {
  const outcome = await outcomeOf(request, options, work);
  await discardRest(request);
  send(response, outcome, options);
}

async function outcomeOf(request: IncomingMessage, options: RouterOptions, work: () => Promise<RestAnswer>): Promise<RestAnswer> {
  try {
    return await work();
  } catch (error) {
    const known = describeError(error);
    if (!known) options.log.error(`${request.method} ${request.url} could not be handled.`, error);
    const { status, message } = known ?? { status: 500, message: 'Internal server error.' };
    return json({ errors: [message] }, status);
  }
}

/** How long somebody may go on sending what is not wanted. */
const patienceMs = 10_000;

/** What is not read resets the connection when it is closed, and that can cost the client its answer. */
function discardRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.once('end', done);
    request.once('close', done);
    request.resume();
  });
}

function send(response: ServerResponse, { status, contentType, content }: RestAnswer, { crossOrigin, log }: RouterOptions): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': contentType,
    ...(typeof content === 'string' ? { 'content-length': Buffer.byteLength(content) } : {}),
    'cache-control': 'no-store',
    ...crossOrigin.headers,
    ...(status === 204 ? crossOrigin.preflightHeaders : {}),
  });
  if (typeof content === 'string') response.end(content);
  else pipeline(Readable.from(content), response).catch((error: unknown) => log.warn(`An answer was cut off: ${String(error)}`));
}

/** For what is not HTTP at all; `error` is what Node's parser says about it. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = JSON.stringify({ errors: [`The request is no valid HTTP: ${error.message}`] });
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: ${jsonType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
