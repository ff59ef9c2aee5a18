/** Pid files: what is in them is never trusted further than the processes themselves say. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PidFile } from '../../../src/deployment/daemon/pid-file.ts';

let directory: string;
let file: PidFile;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-pid-'));
  file = new PidFile(join(directory, 'flink-me-taskexecutor.pid'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process that waits, with `environment`; its end is awaited by disposal. */
function waitingProcess(environment: Record<string, string>): { readonly pid: number } & AsyncDisposable {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { env: environment, stdio: 'ignore' });
  return {
    pid: child.pid as number,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        child.on('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

describe('whose process an entry is', () => {
  test.runIf(process.platform === 'linux')('one that carries the mark of this file', async () => {
    await using ours = waitingProcess({ WEIR_PID_FILE: file.mark });
    await using supervised = waitingProcess({ WEIR_PID_FILE: file.mark, WEIR_READY_FILE: 'x' });
    await using other = waitingProcess({ WEIR_PID_FILE: `${file.mark}x`, WEIR_READY_FILE: 'x' });
    expect([ours, supervised, other].map(({ pid }) => file.isAlive(pid))).toEqual([true, true, false]);
    expect([ours, supervised, other].map(({ pid }) => file.leadsGroup(pid))).toEqual([false, true, false]);
  });

  test.runIf(process.platform === 'linux')('also through a link to the directory', async () => {
    mkdirSync(join(directory, 'run'));
    symlinkSync(join(directory, 'run'), join(directory, 'link'));
    await using ours = waitingProcess({ WEIR_PID_FILE: new PidFile(join(directory, 'run', 'x.pid')).mark });
    expect(new PidFile(join(directory, 'link', 'x.pid')).isAlive(ours.pid)).toBe(true);
  });

  test('never init, never this process, never one that is gone, never a group', async () => {
    const gone = waitingProcess({ WEIR_PID_FILE: file.mark });
    await gone[Symbol.asyncDispose]();
    for (const pid of [1, 0, -1, process.pid, process.ppid, gone.pid]) expect([pid, file.isAlive(pid)]).toEqual([pid, false]);
  });
});

test('lines that are no process id are not read', () => {
  writeFileSync(file.path, '\n1\n0\n-1\njunk\n4711\n-4711\n12x\n');
  expect(file.read()).toEqual([4711, 12]);
});

test('entries are appended, removed from the end, and the file goes with the last one', () => {
  for (const pid of [5, 6, 5]) file.append(pid);
  expect(file.read()).toEqual([5, 6, 5]);
  file.remove(5);
  expect(file.read()).toEqual([5, 6]);
  file.remove(6);
  file.remove(7);
  file.remove(5);
  expect(file.read()).toEqual([]);
  expect(() => rmSync(file.path)).toThrow('ENOENT');
});

test('entries of the dead are forgotten when nobody is alive', () => {
  writeFileSync(file.path, '999999\n999998\n');
  expect(file.readOrForget()).toEqual([]);
  expect(file.read()).toEqual([]);
});

test('the lock of a holder that died is taken over; others wait', async () => {
  mkdirSync(`${file.path}.lock`);
  writeFileSync(join(`${file.path}.lock`, 'pid'), '999999');
  const order: number[] = [];
  await Promise.all(
    [0, 1, 2].map((n) =>
      file.locked(async () => {
        order.push(n);
        await new Promise((resume) => setImmediate(resume));
        order.push(n);
      }),
    ),
  );
  expect(order).toHaveLength(6);
  for (let i = 0; i < 6; i += 2) expect(order[i]).toBe(order[i + 1]);
});
