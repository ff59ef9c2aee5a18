/** Pages of other origins may read; they may change something only when their origin is configured. */
import { expect, test } from 'vitest';
import { EmbeddedRest } from '../harness/rest.ts';

const job = '0123456789abcdef0123456789abcdef';
const fromElsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

const changes = [
  { method: 'PATCH', path: `/jobs/${job}?mode=cancel` },
  { method: 'GET', path: `/jobs/${job}/yarn-cancel` },
  { method: 'POST', path: '/jars/upload' },
  { method: 'POST', path: '/jars/x/run' },
  { method: 'GET', path: '/jars/x/plan' },
  { method: 'DELETE', path: '/cluster' },
];

test('by default any page reads, and none changes anything', async () => {
  await using rest = await EmbeddedRest.start();
  const read = await rest.call('GET', '/overview', { headers: fromElsewhere });
  expect(read).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': '*' } });
  expect(read.headers).not.toHaveProperty('access-control-allow-credentials');
  for (const { method, path } of changes) {
    expect(await rest.call(method, path, { headers: fromElsewhere })).toMatchObject({
      status: 403,
      json: { errors: [expect.stringContaining('web.access-control-allow-origin')] },
    });
  }
  expect(await rest.call('OPTIONS', '/jars/upload', { headers: fromElsewhere })).toMatchObject({ status: 404 });
});

test('scripts, and pages of the same origin, are served', async () => {
  await using rest = await EmbeddedRest.start();
  for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }]) {
    expect(await rest.call('GET', `/jobs/${job}/yarn-cancel`, { headers })).toMatchObject({ status: 404 });
    expect(await rest.call('POST', '/jars/upload', { headers })).toMatchObject({ status: 400 });
  }
});

test('a configured origin may do everything, preflight included', async () => {
  await using rest = await EmbeddedRest.start({ 'web.access-control-allow-origin': 'https://ui.example' });
  expect(await rest.call('OPTIONS', '/jars/upload', { headers: fromElsewhere })).toMatchObject({
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://ui.example',
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('PATCH'),
    },
  });
  expect(await rest.call('PATCH', `/jobs/${job}`, { headers: fromElsewhere })).toMatchObject({
    status: 404,
    headers: { 'access-control-allow-origin': 'https://ui.example' },
  });
});

test('HEAD answers as GET does, without the body', async () => {
  await using rest = await EmbeddedRest.start();
  const got = await rest.call('GET', '/config');
  expect(await rest.call('HEAD', '/config')).toMatchObject({
    status: 200,
    text: '',
    headers: { 'content-length': got.headers['content-length'], 'content-type': 'application/json; charset=UTF-8' },
  });
});
