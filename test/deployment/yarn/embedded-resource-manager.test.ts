/** Applications on the embedded resource manager whose masters are shell commands: states, attempts, containers, records. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { EmbeddedResourceManager } from '../../../src/deployment/yarn/embedded/embedded-resource-manager.ts';
import { excessOf } from '../../../src/deployment/yarn/embedded/memory-limit.ts';
import { prepareYarnPlace, yarnPlace } from '../../../src/deployment/yarn/embedded/place.ts';
import { yarnSettings } from '../../../src/deployment/yarn/embedded/settings.ts';
import type { ApplicationSubmission, Container, ContainerLaunchContext } from '../../../src/deployment/yarn/protocol/records.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import { systemClock } from '../../../src/shared/time.ts';

let directory: string;
const open: EmbeddedResourceManager[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-rm-'));
});
afterEach(async () => {
  for (const manager of open.splice(0)) await manager.close();
  rmSync(directory, { recursive: true, force: true });
});

function start(more: Record<string, string | number | boolean> = {}): EmbeddedResourceManager {
  const config = Configuration.of({
    'weir.yarn.directory': directory,
    'flink.yarn.nodemanager.resource.memory-mb': 4096,
    'flink.yarn.scheduler.minimum-allocation-mb': 256,
    'flink.yarn.resourcemanager.am.max-attempts': 100,
    ...more,
  });
  const place = yarnPlace(config);
  prepareYarnPlace(place);
  const manager = new EmbeddedResourceManager({
    place,
    settings: yarnSettings(config),
    clock: systemClock,
    log: silentLogger,
    baseEnvironment: { PATH: process.env['PATH'] ?? '' },
  });
  open.push(manager);
  return manager;
}

const launch = (command: string, more: Partial<ContainerLaunchContext> = {}): ContainerLaunchContext => ({
  localResources: {},
  environment: {},
  command,
  ...more,
});

async function submit(manager: EmbeddedResourceManager, more: Partial<ApplicationSubmission> = {}): Promise<string> {
  const { applicationId } = await manager.getNewApplication();
  await manager.submitApplication({
    applicationId,
    name: 'test',
    type: 'Test',
    user: 'u',
    queue: 'default',
    priority: 0,
    tags: [],
    resource: { memoryMb: 300, vcores: 1 },
    applicationMaster: launch('sleep 60'),
    maxAttempts: 1,
    keepContainers: false,
    attemptFailuresValidityIntervalMs: -1,
    ...more,
  });
  return applicationId;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resume) => setTimeout(resume, 5));
}

const inState = (manager: EmbeddedResourceManager, id: string, state: string) =>
  until(async () => (await manager.getApplicationReport(id))?.state === state);

const firstAttempt = (id: string): string => `${id.replace('application', 'appattempt')}_000001`;
const register = (manager: EmbeddedResourceManager, attemptId: string) =>
  manager.registerApplicationMaster({ attemptId, host: 'h', rpcPort: 1, trackingUrl: 'http://h:1' });

async function granted(manager: EmbeddedResourceManager, attemptId: string, count: number): Promise<Container[]> {
  const asks = [{ priority: 1, resource: { memoryMb: 512, vcores: 1 }, count }];
  return [...(await manager.allocate({ attemptId, responseId: 0, progress: 1, asks, releases: [] })).allocated];
}

async function isLaunched(manager: EmbeddedResourceManager, id: string): Promise<boolean> {
  return (await manager.getApplicationAttempts(id)).at(-1)?.state === 'LAUNCHED';
}

describe('an application', () => {
  test('runs when its master has registered, has the containers it asks for, and ends as it says', async () => {
    const manager = start();
    const id = await submit(manager, { applicationMaster: launch('while [ ! -e end ]; do sleep 0.01; done') });
    const attemptId = firstAttempt(id);
    expect(id).toMatch(/^application_\d+_0001$/);
    expect((await manager.getApplicationReport(id))?.state).toBe('ACCEPTED');
    await register(manager, attemptId);
    expect(await manager.getApplicationReport(id)).toMatchObject({ state: 'RUNNING', host: 'h', rpcPort: 1, finalStatus: 'UNDEFINED' });
    const [first, second] = await granted(manager, attemptId, 2);
    expect(first).toMatchObject({
      containerId: `${id.replace('application', 'container')}_01_000002`,
      resource: { memoryMb: 512, vcores: 1 },
    });
    await manager.startContainer(attemptId, first?.containerId as string, launch('exit 7'));
    await manager.startContainer(attemptId, second?.containerId as string, launch('sleep 60'));
    let completed: readonly { exitStatus: number; diagnostics: string }[] = [];
    await until(async () => {
      ({ completed } = await manager.allocate({ attemptId, responseId: 1, progress: 1, asks: [], releases: [] }));
      return completed.length > 0;
    });
    expect(completed).toMatchObject([
      { exitStatus: 7, diagnostics: expect.stringMatching(/^Exception from container-launch\.\n[\s\S]*Exit code: 7/) },
    ]);
    // 300 MB are rounded to 512, and the other container is still there.
    expect((await manager.getClusterNodes())[0]?.used.memoryMb).toBe(1024);
    await manager.finishApplicationMaster({ attemptId, finalStatus: 'SUCCEEDED', diagnostics: 'well' });
    writeFileSync(join(directory, 'appcache', id, `${id.replace('application', 'container')}_01_000001`, 'end'), '');
    await inState(manager, id, 'FINISHED');
    expect(await manager.getApplicationReport(id)).toMatchObject({ finalStatus: 'SUCCEEDED', diagnostics: 'well' });
    await until(async () => (await manager.getClusterNodes())[0]?.containers === 0);
    expect(existsSync(join(directory, 'appcache', id))).toBe(false);
  });

  test('that is killed takes its containers and what it staged with it', async () => {
    const manager = start();
    const { applicationId: next } = await manager.getNewApplication();
    const staged = join(directory, '.flink', next.replace(/_0001$/, '_0002'));
    writeFileSync(join(directory, 'x'), 'shipped');
    const id = await submit(manager, {
      applicationMaster: launch('sleep 60', {
        localResources: { 'in/x': { source: join(directory, 'x'), type: 'FILE' } },
        environment: { _FLINK_YARN_FILES: pathToFileURL(staged).href },
      }),
    });
    await until(() => isLaunched(manager, id));
    await until(async () => existsSync(join(directory, 'appcache', id, `${id.replace('application', 'container')}_01_000001`, 'in/x')));
    await until(() => manager.forceKillApplication(id));
    expect(await manager.getApplicationReport(id)).toMatchObject({
      state: 'KILLED',
      finalStatus: 'KILLED',
      diagnostics: `Application ${id} was killed by user u.`,
    });
    await until(async () => !existsSync(join(directory, 'appcache', id)));
    expect(existsSync(staged)).toBe(false);
  });

  test('finds what was shipped in its working directory: files, directories, and archives unpacked', async () => {
    const manager = start();
    mkdirSync(join(directory, 'in'));
    writeFileSync(join(directory, 'in', 'x'), 'shipped');
    await create({ file: join(directory, 'a.tgz'), cwd: directory, gzip: true }, ['in']);
    const id = await submit(manager, {
      applicationMaster: launch(
        '[ "$(cat f)$(cat d/x)$(cat a.tgz/in/x)" = shippedshippedshipped ] && echo "$NAME of $CONTAINER_ID" > <LOG_DIR>/out; exit 1',
        {
          localResources: {
            f: { source: join(directory, 'in', 'x'), type: 'FILE' },
            d: { source: join(directory, 'in'), type: 'FILE' },
            'a.tgz': { source: join(directory, 'a.tgz'), type: 'ARCHIVE' },
          },
          environment: { NAME: 'Ann' },
        },
      ),
    });
    await inState(manager, id, 'FAILED');
    const [logs] = await manager.getLogDirectories(id);
    expect(readFileSync(join(logs?.directory as string, 'out'), 'utf8')).toBe(`Ann of ${logs?.containerId}\n`);
  });

  test('whose container cannot be made fails with the reason', async () => {
    const manager = start();
    const missing = launch('true', { localResources: { x: { source: '/no/such/file', type: 'FILE' } } });
    const id = await submit(manager, { applicationMaster: missing });
    await inState(manager, id, 'FAILED');
    expect((await manager.getApplicationReport(id))?.diagnostics).toMatch(/exitCode: -1000\n[\s\S]*\/no\/such\/file/);
  });
});

describe('a master that fails', () => {
  test('is started again as often as the application allows, and then fails it with YARN’s words', async () => {
    const manager = start();
    const id = await submit(manager, { applicationMaster: launch('exit 3'), maxAttempts: 3 });
    await inState(manager, id, 'FAILED');
    expect((await manager.getApplicationAttempts(id)).map(({ state }) => state)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    expect((await manager.getApplicationReport(id))?.diagnostics).toMatch(
      /^Application application_\d+_0001 failed 3 times due to AM Container for appattempt_\d+_0001_000003 exited with {2}exitCode: 3\nFailing this attempt\.Diagnostics: [\s\S]*\n\. Failing the application\.$/,
    );
  });

  test('is started for ever when its failures are further apart than they count', async () => {
    const manager = start();
    const id = await submit(manager, { applicationMaster: launch('exit 3'), maxAttempts: 2, attemptFailuresValidityIntervalMs: 0 });
    await until(async () => (await manager.getApplicationAttempts(id)).length > 5);
    await until(() => manager.forceKillApplication(id));
    expect((await manager.getApplicationReport(id))?.state).toBe('KILLED');
  });

  test.each([true, false])('leaves its containers to the next one: %s', async (keepContainers) => {
    const manager = start();
    const marker = join(directory, 'once');
    const id = await submit(manager, {
      applicationMaster: launch(
        `[ -e ${marker} ] && exec sleep 60; touch ${marker}; while [ ! -e ${marker}.die ]; do sleep 0.01; done; exit 1`,
      ),
      maxAttempts: 2,
      keepContainers,
    });
    const attemptId = firstAttempt(id);
    await register(manager, attemptId);
    const [container] = await granted(manager, attemptId, 1);
    await manager.startContainer(attemptId, container?.containerId as string, launch('sleep 60'));
    await until(async () => existsSync(marker));
    writeFileSync(`${marker}.die`, '');
    const second = attemptId.replace(/1$/, '2');
    await until(async () => (await manager.getApplicationAttempts(id)).length === 2 && (await isLaunched(manager, id)));
    await expect(granted(manager, attemptId, 1)).rejects.toMatchObject({ code: 'APPLICATION_ATTEMPT_NOT_FOUND' });
    if (!keepContainers) await until(async () => (await manager.getContainers(id)).length === 1);
    const { previousContainers } = await register(manager, second);
    expect(previousContainers.map(({ containerId }) => containerId)).toEqual(keepContainers ? [container?.containerId] : []);
  });
});

describe('the next resource manager', () => {
  test('knows how applications ended, and fails those that its predecessor lost', async () => {
    const first = start();
    const ended = await submit(first, { applicationMaster: launch('exit 1') });
    await inState(first, ended, 'FAILED');
    const running = await submit(first);
    await until(() => isLaunched(first, running));
    const record = readFileSync(join(directory, 'applications', `${running}.json`), 'utf8');
    await first.close();
    open.length = 0;
    // As it was before the orderly end.
    writeFileSync(join(directory, 'applications', `${running}.json`), record);
    const second = start();
    expect((await second.getApplicationReport(ended))?.finalStatus).toBe('FAILED');
    expect(await second.getApplicationReport(running)).toMatchObject({
      state: 'FAILED',
      diagnostics: expect.stringContaining('The resource manager was stopped while the application ran.'),
    });
  });

  test('starts them again when it is told to', async () => {
    const first = start({ 'flink.yarn.resourcemanager.recovery.enabled': true });
    const id = await submit(first);
    await until(() => isLaunched(first, id));
    await first.close();
    open.length = 0;
    const second = start({ 'flink.yarn.resourcemanager.recovery.enabled': true });
    await until(() => isLaunched(second, id));
    expect((await second.getApplicationReport(id))?.attemptId).toMatch(/_000002$/);
    await until(() => second.forceKillApplication(id));
  });
});

test('a container above its size is told of in YARN’s words', () => {
  const container = { containerId: 'container_1_0001_01_000002', pid: 47, resource: { memoryMb: 1024, vcores: 1 } };
  const tree = [
    { pid: 47, parent: 1, command: 'node a.js', virtualBytes: 2 ** 31, residentBytes: 2 ** 30 },
    { pid: 48, parent: 47, command: 'child', virtualBytes: 2 ** 20, residentBytes: 2 ** 29 },
  ];
  const checks = { checksPhysicalMemory: true, checksVirtualMemory: true, virtualRatio: 2.1 };
  expect(excessOf(container, tree.slice(0, 1), checks)).toBeUndefined();
  const excess = excessOf(container, tree, checks);
  expect(excess?.exitStatus).toBe(-104);
  expect(excess?.diagnostics.split('\n')).toEqual([
    'Container [pid=47,containerID=container_1_0001_01_000002] is running beyond physical memory limits. Current usage: 1.5 GB of 1 GB physical memory used; 2.0 GB of 2.1 GB virtual memory used. Killing container.',
    'Dump of the process-tree for container_1_0001_01_000002 :',
    '\t|- PID PPID PGRPID SESSID VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE',
    '\t|- 47 1 47 47 2147483648 262144 node a.js',
    '\t|- 48 47 47 47 1048576 131072 child',
    '',
    'Container killed on request. Exit code is 143',
    'Container exited with a non-zero exit code 143',
  ]);
  expect(excessOf(container, tree, { ...checks, checksPhysicalMemory: false })).toBeUndefined();
  expect(excessOf(container, tree, { ...checks, virtualRatio: 2 })?.exitStatus).toBe(-103);
});
