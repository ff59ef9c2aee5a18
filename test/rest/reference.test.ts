/** The list of routes, Flink's API and docs/reference/rest.md agree. Rewrite the page with `npx vitest run test/rest/reference.test.ts -u`. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Route } from '../../src/rest/http/router.ts';
import { restRoutes } from '../../src/rest/routes.ts';
import { type UnservedRoute, unservedRoutes } from '../../src/rest/unserved-routes.ts';
import { EmbeddedRest } from '../harness/rest.ts';
import { flinkRestApi } from './validate-answer.ts';

const keyOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;

async function routes(): Promise<Route[]> {
  await using rest = await EmbeddedRest.start({ 'rest.profiling.enabled': 'true' });
  return restRoutes(rest.context);
}

test('every endpoint of Flink is served, or named with the reason why not', async () => {
  const served = (await routes()).filter((route) => !route.weirOnly).map(keyOf);
  const unserved = unservedRoutes.map(keyOf);
  expect(served.filter((key) => unserved.includes(key))).toEqual([]);
  expect([...served, ...unserved].sort()).toEqual(Object.keys(flinkRestApi.endpoints).sort());
});

test('what is not served says so', async () => {
  await using rest = await EmbeddedRest.start();
  for (const { method, path, reason, status } of unservedRoutes) {
    const answer = await rest.call(method, path.replace(/:\w+/g, 'ffffffffffffffffffffffffffffffff'));
    expect(answer).toMatchObject({ status: status ?? 501, json: { errors: [expect.stringContaining(reason)] } });
  }
});

test('without web.submit.enable there are no jar routes', async () => {
  await using rest = await EmbeddedRest.start({ 'web.submit.enable': 'false' });
  for (const path of ['/jars', '/jars/x/plan']) expect(await rest.call('GET', path)).toMatchObject({ status: 404 });
  expect(await rest.call('GET', '/config')).toMatchObject({ json: { features: { 'web-submit': false } } });
});

test('the reference shows them all', async () => {
  await expect(reference(await routes())).toMatchFileSnapshot(join(import.meta.dirname, '../../docs/reference/rest.md'));
});

const groups: Readonly<Record<string, string>> = {
  cluster: 'Cluster',
  jobs: 'Jobs',
  vertices: 'Vertices and subtasks',
  metrics: 'Metrics',
  checkpoints: 'Checkpoints',
  savepoints: 'Savepoints',
  jars: 'Programs ("jars")',
  jobmanager: 'JobManager',
  taskmanagers: 'TaskManagers',
  datasets: 'Data sets',
};

function reference(all: readonly Route[]): string {
  const sections = Object.entries(groups).map(([group, title]) => {
    const rows = all.filter((route) => flinkRestApi.endpoints[keyOf(route)]?.group === group);
    return `## ${title}\n\n${table(rows)}`;
  });
  return `${introduction}\n${sections.join('\n')}\n## Weir only\n\n${table(all.filter(({ weirOnly }) => weirOnly))}\n${notServed(unservedRoutes)}`;
}

function table(rows: readonly Route[]): string {
  return columns([['Request', 'Answer'], ...rows.map((route) => [`\`${keyOf(route)}\``, route.does])]);
}

function notServed(rows: readonly UnservedRoute[]): string {
  const lines = rows.map((route) => [`\`${keyOf(route)}\``, String(route.status ?? 501), route.reason]);
  return `## Not served\n\n${columns([['Request', 'Status', 'Reason'], ...lines])}`;
}

/** A table whose columns stand under each other, as the formatter wants it. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |\n`;
  const [head, ...body] = rows.map(line);
  return `${head}${line(widths.map((width) => '-'.repeat(width)))}${body.join('')}`;
}

const introduction = `# REST API

A JobManager speaks Flink's monitoring API, with Flink's paths, keys, types and status codes, so that what talks to Flink talks
to Weir. This page lists what is served and what is not; the meaning of each key is the one that Flink documents.

- **Address.** \`rest.port\` (8081) on \`rest.bind-address\`, the loopback unless it is set: whoever reaches the port may run programs.
- **Prefix.** Every path is there twice, bare and under \`/v1\`. \`HEAD\` answers as \`GET\` does.
- **Failures.** The body is \`{"errors": ["…"]}\`, whatever the status: 400 for a request that makes no sense, 404 for what is not there,
  409 for a job that has ended otherwise, 413 for a body above \`rest.server.max-content-length\`, 501 for what Weir does not serve.
- **Long operations.** The first request answers with a \`request-id\`; the second, by that id, with \`{"status": {"id": "IN_PROGRESS"}}\` or
  \`COMPLETED\` and the \`operation\`, which holds a \`failure-cause\` when it failed. Outcomes are kept for \`rest.async.store-duration\`.
- **Web pages** of other origins may read. They may change something only when \`web.access-control-allow-origin\` names their origin.
- **Version.** \`flink-version\` is \`1.20.0-weir-\` with the version of Weir: tools decide by the first part what they may call.
- **Numbers.** 64-bit values are JSON numbers; values of metrics are texts. -1 and \`null\` stand for what is not known yet, as in Flink.
- **Bytes** are counted where records are encoded. An edge inside one slot hands objects over and counts none.
- **Runtime.** What Flink tells about its JVM is told about Node.js: the heap is V8's, of all threads together; the rest of the
  process's memory is "non-heap".
`;
