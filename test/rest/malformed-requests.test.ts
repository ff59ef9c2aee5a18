/** Whatever is sent to the endpoint: it answers in words and goes on serving. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedRest, multipart, rawHttp } from '../harness/rest.ts';
import { violations } from './validate-answer.ts';

let rest: EmbeddedRest;
beforeAll(async () => {
  rest = await EmbeddedRest.start({ 'rest.server.max-content-length': '100000' });
});
afterAll(() => rest[Symbol.asyncDispose]());

async function expectAlive(): Promise<void> {
  expect(await rest.call('GET', '/overview')).toMatchObject({ status: 200 });
}

function expectErrors(answer: { status: number; json: unknown }, status: number, says?: RegExp | string): void {
  expect(answer).toMatchObject({ status });
  expect(Object.keys(answer.json as object)).toEqual(['errors']);
  expect(violations(['string'], (answer.json as { errors: unknown }).errors)).toEqual([]);
  if (says !== undefined) expect((answer.json as { errors: string[] }).errors.join('\n')).toMatch(says);
}

const job = '0123456789abcdef0123456789abcdef';

test.each([
  { path: '/nowhere', says: 'Not found: GET /nowhere' },
  { path: '/', says: 'Not found' },
  { path: '//', says: 'Not found' },
  { path: '/v1', says: 'Not found' },
  { path: '/v2/overview', says: 'Not found' },
  { path: `/jobs/${job}`, says: `Job ${job} not found` },
  { path: `/v1/jobs/${job}/exceptions`, says: `Job ${job} not found` },
  { path: `/jobs/${job}/vertices/${job}`, says: `Job ${job} not found` },
  { path: `/jobs/${job}/execution-result`, says: `Job ${job} not found` },
  { path: '/taskmanagers/nobody', says: 'nobody' },
  { path: '/jobmanager/logs/absent.log', says: 'File not found.' },
  { path: '/jobmanager/logs/..%2f..%2fetc%2fpasswd', says: 'File not found.' },
])('GET $path is 404', async ({ path, says }) => {
  expectErrors(await rest.call('GET', path), 404, says);
});

test.each([
  { method: 'GET', path: '/jobs/abc' },
  { method: 'GET', path: '/jobs/abc/exceptions' },
  { method: 'GET', path: `/jobs/${job}x` },
  { method: 'PATCH', path: '/jobs/abc' },
  { method: 'PATCH', path: `/jobs/${job}?mode=tickle` },
])('$method $path is 400', async ({ method, path }) => {
  expectErrors(await rest.call(method, path), 400);
});

test.each([
  { method: 'POST', path: '/overview' },
  { method: 'DELETE', path: '/jobs' },
  { method: 'PUT', path: '/jars/upload' },
  { method: 'GET', path: '/jars/upload' },
  { method: 'TRACE', path: '/overview' },
])('a method that the path does not have: $method $path is 404', async ({ method, path }) => {
  expectErrors(await rest.call(method, path), 404, 'Not found');
});

test('a body on GET and DELETE is taken and ignored', async () => {
  expect(await rest.call('GET', '/overview', { headers: { 'content-type': 'application/json' }, body: '{}' })).toMatchObject({
    status: 200,
  });
  expectErrors(await rest.call('DELETE', '/jars/none', { body: '{}' }), 404);
});

test.each(['[1]', '"text"', '{', 'null', '\u0000'])('a body %j that is no JSON object is 400', async (body) => {
  expectErrors(await rest.call('PATCH', `/jobs/${job}/clientHeartbeat`, { body }), 400, 'did not match');
});

test('a body over the limit is 413, announced or not', async () => {
  const body = 'x'.repeat(200_000);
  expectErrors(await rest.call('PATCH', `/jobs/${job}/clientHeartbeat`, { body }), 413, 'rest.server.max-content-length');
  const head =
    'PATCH /jobs/0123456789abcdef0123456789abcdef/clientHeartbeat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`;
  expect(await rawHttp(rest.port, `${head}${chunk.repeat(4)}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 .*"errors"/s);
  await expectAlive();
});

test.each([
  { what: 'no HTTP', bytes: 'EHLO weir\r\n\r\n' },
  { what: 'TLS', bytes: new Uint8Array([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]) },
  { what: 'a header without an end', bytes: `GET /overview HTTP/1.1\r\nX: ${'y'.repeat(40_000)}\r\n\r\n` },
  { what: 'two lengths', bytes: 'POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc' },
  { what: 'a negative length', bytes: 'POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n' },
])('$what is told as JSON', async ({ bytes }) => {
  expect(await rawHttp(rest.port, bytes)).toMatch(/^HTTP\/1\.1 4\d\d .*application\/json.*\{"errors":\["/s);
  await expectAlive();
});

test.each([
  'GET http://[/jobs HTTP/1.1',
  'GET //[ HTTP/1.1',
  'GET /jobs/%zz HTTP/1.1',
  'GET /jobs/%c0%ae HTTP/1.1',
  'GET * HTTP/1.1',
  'OPTIONS * HTTP/1.1',
])('the request line %j is answered', async (line) => {
  expect(await rawHttp(rest.port, `${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 4\d\d /);
  await expectAlive();
});

test('connections that are cut at any byte harm nobody', async () => {
  const { headers, body } = multipart([{ name: 'jarfile', fileName: 'program.ts', content: 'export const a = 1;' }]);
  const head = `POST /jars/upload HTTP/1.1\r\nHost: x\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  const whole = Buffer.concat([Buffer.from(head), body]);
  for (let length = 1; length < whole.length; length += 13) await rawHttp(rest.port, whole.subarray(0, length), { cut: true });
  await expectAlive();
  expect(await rest.call('GET', '/jars')).toMatchObject({ json: { files: [] } });
});

test('random requests never stop the endpoint', async () => {
  const words = fc.constantFrom(
    'jobs',
    'v1',
    'vertices',
    'metrics',
    'jars',
    'upload',
    'run',
    'plan',
    job,
    '..',
    '%2e%2e',
    '',
    '%00',
    'é',
    'subtasks',
    '-1',
  );
  const path = fc
    .array(words, { maxLength: 6 })
    .map((parts) => `/${parts.map((part) => (part.startsWith('%') ? part : encodeURI(part))).join('/')}`);
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${encodeURI(text)}`),
    fc.constant('?get=%zz&agg=&subtasks=a-b'),
  );
  const method = fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS');
  const headers = fc.constantFrom<Record<string, string>>(
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'multipart/form-data' },
    { 'content-type': 'multipart/form-data; boundary=' },
    { 'content-type': `multipart/form-data; boundary=${'b'.repeat(100)}` },
    { expect: '100-continue' },
  );
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.uint8Array({ maxLength: 300 }),
    fc.constant('{"programArgsList":{"a":1},"jobId":7,"parallelism":-1}'),
  );
  await fc.assert(
    fc.asyncProperty(method, path, query, headers, body, async (verb, where, search, head, content) => {
      const answer = await rest.call(verb, where + search, {
        headers: head,
        body: verb === 'GET' || verb === 'HEAD' ? undefined : content,
      });
      expect(answer.status).not.toBe(500);
      if (verb !== 'HEAD' && answer.status >= 400) expectErrors(answer, answer.status);
    }),
    { numRuns: 400 },
  );
  await expectAlive();
});
