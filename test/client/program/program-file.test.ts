import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleProgram } from '../../../src/client/program/bundle.ts';
import { packArtifact } from '../../../src/client/program/pack.ts';
import { openProgramFile } from '../../../src/client/program/program-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function bundleOf(path: string): Promise<{ code: string; manifest: { entryExport?: string | undefined; entryModule: string } }> {
  const program = await openProgramFile(path);
  try {
    const target = join(directory, 'artifact');
    const manifest = await bundleProgram(program, [], target);
    return { code: readFileSync(join(target, manifest.entryModule), 'utf8'), manifest };
  } finally {
    program.dispose();
  }
}

test('a TypeScript module is bundled with its imports, weir stays external', async () => {
  write('helper.ts', 'export const answer: number = 42;');
  const { code } = await bundleOf(
    write('job.ts', "import { x } from 'weir'; import { answer } from './helper.ts'; export default () => [x, answer];"),
  );
  expect(code).toContain('42');
  expect(code).toMatch(/from "weir"/);
});

test('a package directory names its program in weir.entry, export included', async () => {
  write('pkg/package.json', JSON.stringify({ name: 'p', weir: { entry: './src/job.ts#build' } }));
  write('pkg/src/job.ts', 'export function build() { return "built"; }');
  const { code, manifest } = await bundleOf(join(directory, 'pkg'));
  expect(code).toContain('built');
  expect(manifest.entryExport).toBe('build');
});

test('a .tgz of a package runs like the package', async () => {
  write('package/package.json', JSON.stringify({ name: 'p', main: 'job.js' }));
  write('package/job.js', 'exports.main = () => "packed";');
  await create({ file: join(directory, 'p.tgz'), cwd: directory, gzip: true }, ['package']);
  expect((await bundleOf(join(directory, 'p.tgz'))).code).toContain('packed');
});

test('equal programs make equal artifacts', async () => {
  const program = await openProgramFile(write('job.ts', 'export default () => 1;'));
  const hashes: string[] = [];
  for (const name of ['a', 'b']) {
    await bundleProgram(program, [], join(directory, name));
    hashes.push(await packArtifact(join(directory, name), join(directory, `${name}.tgz`)));
  }
  expect(hashes[0]).toBe(hashes[1]);
});

test('a bundling failure names file, line and column', async () => {
  const path = write('job.ts', "export const a = 1;\nimport { b } from './missing.ts';\nexport default b;");
  await expect(bundleOf(path)).rejects.toThrow(/job\.ts:2:\d+: Could not resolve "\.\/missing\.ts"/);
});

test.each([
  ['a Java jar', 'job.jar', Buffer.concat([Buffer.from('504b0304', 'hex'), Buffer.from('META-INF/MANIFEST.MF')]), /Java byte code/],
  ['a Java class', 'Job.class', Buffer.from('cafebabe', 'hex'), /compiled Java class/],
  ['another archive', 'job.zip', Buffer.from('504b030400', 'hex'), /zip archive/],
  ['a text file', 'job.txt', Buffer.from('hello'), /neither a module nor a \.tgz/],
  ['a broken .tgz', 'job.tgz', Buffer.from('1f8b0800', 'hex'), /cannot be unpacked/],
])('%s is refused with a sentence that helps', async (_what, name, content, message) => {
  await expect(openProgramFile(write(name, content))).rejects.toThrow(message);
});

test('a missing file and a directory without a package keep the words scripts know', async () => {
  await expect(openProgramFile(join(directory, 'nope.ts'))).rejects.toThrow('JAR file does not exist');
  mkdirSync(join(directory, 'empty'));
  await expect(openProgramFile(join(directory, 'empty'))).rejects.toThrow('JAR file is not a file');
});

test('a package that asks for another Weir is refused with both versions', async () => {
  write('pkg/package.json', JSON.stringify({ name: 'p', main: 'job.js', peerDependencies: { weir: '^99.0.0' } }));
  write('pkg/job.js', '');
  await expect(openProgramFile(join(directory, 'pkg'))).rejects.toThrow(/asks for weir \^99\.0\.0, and this is Weir/);
});
