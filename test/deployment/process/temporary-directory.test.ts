import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { temporaryDirectory } from '../../../src/deployment/process/temporary-directory.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'weir-test-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const open = () => temporaryDirectory(Configuration.of({ 'io.tmp.dirs': parent }), 'taskmanager');

test.runIf(process.platform === 'linux')('what a killed process left is removed by the next one, and nothing else is', () => {
  const own = open();
  const identity = readFileSync(join(own.path, 'owner'), 'utf8').split(' ');
  const dead = spawnSync('true').pid;
  const left = (name: string, owner: string | undefined): string => {
    const path = join(parent, name);
    mkdirSync(path);
    if (owner !== undefined) writeFileSync(join(path, 'owner'), owner);
    return path;
  };
  const gone = [
    left('weir-taskmanager-dead', [identity[0], identity[1], dead, 1].join(' ')),
    left('weir-jobmanager-reused', [identity[0], identity[1], process.pid, 1].join(' ')),
  ];
  const kept = [
    own.path,
    left('weir-taskmanager-elsewhere', ['other-machine', identity[1], dead, 1].join(' ')),
    left('weir-taskmanager-container', [identity[0], 'pid:[1]', dead, 1].join(' ')),
    left('weir-taskmanager-starting', undefined),
    left('somebody-else', [identity[0], identity[1], dead, 1].join(' ')),
  ];
  open().remove();
  expect(gone.map((path) => existsSync(path))).toEqual(gone.map(() => false));
  expect(kept.map((path) => existsSync(path))).toEqual(kept.map(() => true));
});

test('a directory that cannot be used is named with its key', () => {
  const file = join(parent, 'file');
  writeFileSync(file, '');
  expect(() => temporaryDirectory(Configuration.of({ 'io.tmp.dirs': join(file, 'tmp') }), 'x')).toThrow(/io\.tmp\.dirs/);
});
