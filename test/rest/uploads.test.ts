/** Uploads of every size arrive whole, and end. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { multipartBody } from '../../src/client/multipart.ts';
import { readMultipart } from '../../src/rest/http/body.ts';

let directory: string;
let port: number;
const server = createServer(async (incoming, response) => {
  const { files } = await readMultipart(incoming, directory, 1e9);
  response.end(JSON.stringify(files.map(({ path }) => readFileSync(path).toString('base64'))));
});

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-uploads-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

function upload(files: readonly Buffer[]): Promise<string> {
  const body = multipartBody(files.map((bytes, index) => ({ name: `file${index}`, fileName: `${index}.bin`, bytes })));
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, method: 'POST', headers: { 'content-type': body.contentType, 'content-length': body.length } },
      (response) => {
        let text = '';
        response.on('data', (piece) => {
          text += String(piece);
        });
        response.on('end', () => resolve(text));
      },
    );
    sent.on('error', reject);
    body.write(async (piece) => void sent.write(piece)).then(() => sent.end(), reject);
  });
}

test.each([[0], [1], [100, 70_000], [65_536, 65_536], [800_000, 30_000], [3_000_000, 0, 12]])('files of %i, … bytes', async (...sizes) => {
  const files = sizes.map((size, index) => Buffer.alloc(size, `file ${index}\r\n--`));
  expect(JSON.parse(await upload(files))).toEqual(files.map((bytes) => bytes.toString('base64')));
});
