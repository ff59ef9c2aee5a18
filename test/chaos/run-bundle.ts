/** Bundles the oracle's in-process form, with or without a planted bug, runs it, and says what is wrong with what it left. */
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { expectedOutput } from './expected.ts';
import { committedOutput, contentsOf } from './files.ts';
import type { InProcessRun } from './in-process.ts';

const repository = resolve(import.meta.dirname, '../..');

/** Text of one source file that is replaced. It has to be there exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export type BundledRun = Omit<InProcessRun, 'directory'>;

/** Where syncing costs nothing: a checkpoint comes every 20 ms. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** A job that a bug brings to a standstill is given up after this time. */
const patienceMs = 60_000;

/** Undefined: as if nothing had happened. */
export async function runBundle(edits: readonly Edit[], options: BundledRun): Promise<string | undefined> {
  // The engine looks for its package above itself.
  const code = mkdtempSync(join(repository, 'node_modules', '.weir-planted-'));
  const directory = mkdtempSync(join(memory, 'weir-planted-'));
  try {
    const bundle = join(code, 'bundle.mjs');
    await writeBundle(bundle, edits);
    const failure = await runWorker(bundle, { ...options, directory });
    return failure ?? complaint(directory, options);
  } finally {
    rmSync(code, { recursive: true, force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

async function writeBundle(outfile: string, edits: readonly Edit[]): Promise<void> {
  await build({
    absWorkingDir: repository,
    entryPoints: ['test/chaos/in-process.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    alias: { weir: join(repository, 'src/weir.ts') },
    external: ['esbuild', 'msgpackr-extract', '*.node'],
    banner: { js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);" },
    logLevel: 'silent',
    plugins: [
      {
        name: 'planted-bug',
        setup({ onLoad }) {
          for (const file of new Set(edits.map((edit) => join(repository, edit.file)))) {
            const filter = new RegExp(`^${file.replaceAll(/[.\\/]/g, '\\$&')}$`);
            onLoad({ filter }, () => ({ contents: edited(file, edits), loader: 'ts' }));
          }
        },
      },
    ],
  });
}

function edited(file: string, edits: readonly Edit[]): string {
  let text = readFileSync(file, 'utf8');
  for (const { find, replace } of edits.filter((edit) => join(repository, edit.file) === file)) {
    if (text.split(find).length !== 2) throw new Error(`${file} does not have this text exactly once:\n${find}`);
    text = text.replace(find, () => replace);
  }
  return text;
}

async function runWorker(bundle: string, workerData: InProcessRun): Promise<string | undefined> {
  const failpoints = join(workerData.directory, 'failpoints');
  mkdirSync(failpoints);
  const worker = new Worker(bundle, { workerData, env: { ...process.env, WEIR_FAILPOINTS: failpoints } });
  const impatience = setTimeout(() => void worker.terminate(), patienceMs);
  try {
    const [code] = (await once(worker, 'exit')) as [number];
    return code === 0 ? undefined : 'the job does not end';
  } catch (error) {
    const messages: string[] = [];
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) messages.push(cause.message);
    return `the job fails: ${messages.join('\n')}`;
  } finally {
    clearTimeout(impatience);
  }
}

function complaint(directory: string, { ranges, stages, perSplit }: BundledRun): string | undefined {
  const expected = expectedOutput({ ranges, perRange: stages * perSplit });
  const committed = committedOutput(join(directory, 'out'));
  for (const kind of ['records', 'windows'] as const) {
    const difference = differenceOf(committed[kind], expected[kind]);
    if (difference !== undefined) return `${kind}: ${difference}`;
  }
  const left = contentsOf(join(directory, 'checkpoints'));
  return left.length > 0 ? `left behind: ${left.join(', ')}` : undefined;
}

/** Both sorted. */
function differenceOf(found: readonly string[], expected: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of expected) counts.set(line, (counts.get(line) ?? 0) - 1);
  const missing = [...counts].filter(([, count]) => count < 0).map(([line]) => line);
  const added = [...counts].filter(([, count]) => count > 0).map(([line]) => line);
  if (missing.length === 0 && added.length === 0) return undefined;
  return `${missing.length} lines missing, such as '${missing[0] ?? ''}'; ${added.length} too many, such as '${added[0] ?? ''}'`;
}
