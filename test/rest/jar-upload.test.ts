/** Uploads of programs: what is taken, what is refused and why, and that nothing is left of what was refused. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedRest, type MultipartPart, multipart, rawHttp } from '../harness/rest.ts';

let rest: EmbeddedRest;
beforeAll(async () => {
  rest = await EmbeddedRest.start({ 'rest.server.max-content-length': '200000' });
});
afterAll(() => rest[Symbol.asyncDispose]());

const program = 'export default () => {};';

function upload(...parts: MultipartPart[]): ReturnType<EmbeddedRest['call']> {
  return rest.call('POST', '/jars/upload', multipart(parts));
}

function leftovers(): string[] {
  return readdirSync(rest.directory).filter((name) => name !== 'log' && name !== 'flink-web-upload');
}

async function list(): Promise<{ id: string; name: string }[]> {
  return ((await rest.call('GET', '/jars')).json as { files: { id: string; name: string }[] }).files;
}

test.each([
  { fileName: 'program.ts', stored: 'program.ts' },
  { fileName: '../../../etc/cron.d/evil.ts', stored: 'evil.ts' },
  { fileName: '..\\..\\windows\\evil.js', stored: 'evil.js' },
  { fileName: '/absolute/path.mjs', stored: 'path.mjs' },
  { fileName: 'a b;c&d|e$(f)`g`.ts', stored: 'a b;c&d|e$(f)`g`.ts' },
  { fileName: 'ümläut-日本.ts', stored: 'ümläut-日本.ts' },
  { fileName: '-rf.ts', stored: '-rf.ts' },
])('$fileName is kept as $stored, and deleted again', async ({ fileName, stored }) => {
  const answer = await upload({ name: 'jarfile', fileName, content: program });
  expect(answer).toMatchObject({ status: 200, json: { status: 'success' } });
  const path = (answer.json as { filename: string }).filename;
  expect(path.startsWith(join(rest.directory, 'flink-web-upload/'))).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe(program);
  const id = path.slice(path.lastIndexOf('/') + 1);
  expect(await list()).toEqual([expect.objectContaining({ id, name: stored })]);
  expect(await rest.call('DELETE', `/jars/${encodeURIComponent(id)}`)).toMatchObject({ status: 200 });
  expect(await list()).toEqual([]);
});

test.each([
  { fileName: 'program.exe', content: 'MZ', says: 'ends in none of' },
  { fileName: '.ts', content: program, says: 'ends in none of' },
  { fileName: 'noextension', content: program, says: 'ends in none of' },
  { fileName: 'java.jar', content: 'PK\u0003\u0004rest', says: 'Java or zip archive' },
  { fileName: 'zip.tgz', content: 'PK\u0003\u0004rest', says: 'Java or zip archive' },
  { fileName: 'text.tgz', content: 'no gzip', says: 'no .tgz' },
  { fileName: 'text.jar', content: 'no gzip', says: 'no .tgz' },
  { fileName: 'empty.ts', content: '', says: 'is empty' },
  { fileName: `${'x'.repeat(300)}.ts`, content: program, says: 'more than 200 bytes' },
  { fileName: 'bell\u0007.ts', content: program, says: 'cannot be printed' },
])('$fileName is refused: $says', async ({ fileName, content, says }) => {
  const answer = await upload({ name: 'jarfile', fileName, content });
  expect(answer, answer.text).toMatchObject({ status: 400, json: { errors: [expect.stringContaining(says)] } });
  expect(await list()).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test('an archive is taken under each name it may have', async () => {
  for (const fileName of ['a.tgz', 'a.tar.gz', 'a.JAR']) {
    const answer = await upload(
      { name: 'request', content: '{}' },
      { name: 'file_0', fileName, content: gzipSync(program), contentType: 'application/java-archive' },
    );
    expect(answer).toMatchObject({ status: 200 });
    expect(await rest.call('DELETE', `/jars/${(await list())[0]?.id}`)).toMatchObject({ status: 200, json: {} });
  }
});

test.each([
  { parts: [], says: 'Exactly 1 file' },
  { parts: [{ name: 'request', content: '{}' }], says: 'Exactly 1 file' },
  { parts: [1, 2].map((n) => ({ name: `f${n}`, fileName: `${n}.ts`, content: program })), says: 'received 2' },
  {
    parts: [
      { name: 'jarfile', fileName: 'a.ts', content: program },
      { name: 'secret', content: 'x' },
    ],
    says: 'unknown attribute secret',
  },
  { parts: Array.from({ length: 17 }, (_, n) => ({ name: `f${n}`, fileName: `${n}.ts`, content: program })), says: 'more than 16 files' },
  { parts: Array.from({ length: 65 }, (_, n) => ({ name: `f${n}`, content: 'x' })), says: 'more than 64 attributes' },
])('an upload is refused: $says', async ({ parts, says }) => {
  const answer = await upload(...parts);
  expect(answer, answer.text).toMatchObject({ status: 400, json: { errors: [expect.stringContaining(says)] } });
  expect(leftovers()).toEqual([]);
});

test.each([
  { contentType: undefined, says: 'of no content type' },
  { contentType: 'application/json', says: 'application/json' },
  { contentType: 'application/octet-stream', says: 'must be multipart/form-data' },
  { contentType: 'multipart/form-data', says: 'Boundary not found' },
  { contentType: 'multipart/form-data; boundary=other', says: 'could not be read' },
])('the content type $contentType is refused: $says', async ({ contentType, says }) => {
  const { body } = multipart([{ name: 'jarfile', fileName: 'a.ts', content: program }]);
  const answer = await rest.call('POST', '/jars/upload', {
    body,
    headers: contentType === undefined ? {} : { 'content-type': contentType },
  });
  expect(answer, answer.text).toMatchObject({ status: 400, json: { errors: [expect.stringContaining(says)] } });
  expect(leftovers()).toEqual([]);
});

test('a file over the limit is 413, announced or sent in chunks', async () => {
  const content = 'x'.repeat(300_000);
  expect(await upload({ name: 'jarfile', fileName: 'big.ts', content })).toMatchObject({
    status: 413,
    json: { errors: [expect.stringContaining('rest.server.max-content-length')] },
  });
  const { body, headers } = multipart([{ name: 'jarfile', fileName: 'big.ts', content }]);
  const head = `POST /jars/upload HTTP/1.1\r\nHost: x\r\nContent-Type: ${headers['content-type']}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  const chunks = Buffer.concat([Buffer.from(`${head}${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
  expect(await rawHttp(rest.port, chunks)).toMatch(/^HTTP\/1\.1 413 .*"errors"/s);
  expect(await list()).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test('a multipart body that ends too early is 400', async () => {
  const { body, headers } = multipart([{ name: 'jarfile', fileName: 'a.ts', content: program.repeat(1000) }]);
  for (const length of [0, 20, 150, 5000, body.length - 40, body.length - 5]) {
    const cut = body.subarray(0, length);
    const answer = await rest.call('POST', '/jars/upload', { headers: { ...headers, 'content-length': String(length) }, body: cut });
    expect(answer, `${length}: ${answer.text}`).toMatchObject({ status: 400 });
  }
  expect(await list()).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test('web.upload.dir keeps programs over restarts, and one that cannot be used stops the start with its reason', async () => {
  await using first = await EmbeddedRest.start();
  const conf = { 'web.upload.dir': join(first.directory, 'kept') };
  {
    await using second = await EmbeddedRest.start(conf);
    expect(await second.call('POST', '/jars/upload', multipart([{ name: 'jarfile', fileName: 'a.ts', content: program }]))).toMatchObject({
      status: 200,
    });
  }
  await using third = await EmbeddedRest.start(conf);
  expect(await third.call('GET', '/jars')).toMatchObject({ json: { files: [{ name: 'a.ts' }] } });
  mkdirSync(join(first.directory, 'blocked'));
  writeFileSync(join(first.directory, 'blocked', 'flink-web-upload'), 'a file');
  await expect(EmbeddedRest.start({ 'web.upload.dir': join(first.directory, 'blocked') })).rejects.toThrow('web.upload.dir');
});
