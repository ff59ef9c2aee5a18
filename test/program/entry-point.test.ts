import { expect, test } from 'vitest';
import { resolveEntryPoint } from '../../src/program/entry-point.ts';

const displayName = 'job.ts';

function runOf(exports: Record<string, unknown>, entryClass?: string): unknown {
  const entry = resolveEntryPoint(exports, { displayName, entryClass });
  return entry.kind === 'function' ? entry.run(['a']) : 'module';
}

test('without -c: default export, then main, then the module itself', () => {
  expect(runOf({ default: (args: string[]) => ['default', ...args], main: () => 'main' })).toEqual(['default', 'a']);
  expect(runOf({ main: (args: string[]) => ['main', ...args] })).toEqual(['main', 'a']);
  expect(runOf({ helper: () => 1 })).toBe('module');
});

test('-c picks an exported function, a class with a static main, or an object with main; a package prefix is ignored', () => {
  // biome-ignore lint/complexity/noStaticOnlyClass: the form Flink programs have
  class Job {
    static prefix = 'static';
    static main(args: string[]): string[] {
      return [Job.prefix, ...args];
    }
  }
  expect(runOf({ Job }, 'Job')).toEqual(['static', 'a']);
  expect(runOf({ Job }, 'com.example.Job')).toEqual(['static', 'a']);
  expect(runOf({ job: { main: () => 'object' } }, 'job')).toBe('object');
  expect(runOf({ job: () => 'function' }, 'job')).toBe('function');
});

test('a missing entry names what could be run', () => {
  expect(() => resolveEntryPoint({ wordCount: () => {}, limit: 3 }, { displayName, entryClass: 'WordCount' })).toThrow(
    /entry point class 'WordCount' was not found[\s\S]*job\.ts exports: wordCount\./,
  );
});

test('an entry that cannot be run says what it is', () => {
  class NoMain {}
  expect(() => resolveEntryPoint({ NoMain }, { displayName, entryClass: 'NoMain' })).toThrow(/does not have a main/);
  expect(() => resolveEntryPoint({ limit: 3 }, { displayName, entryClass: 'limit' })).toThrow(/'limit' of job\.ts is a number/);
});
