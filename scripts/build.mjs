/**
 * Builds `dist`: what processes run is bundled JavaScript, because it starts several times faster than sources. Entry points
 * share chunks, so that a slot's engine and the `weir` its user code imports are one module instance.
 *
 * `--if-stale` returns at once when nothing in `src` is newer than `dist`. The build goes to a directory of its own that
 * takes the place of `dist` at the end, so that a running process never reads half a build.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'dist');
const stamp = join(target, '.built');

const entryPoints = {
  weir: 'src/weir.ts',
  flink: 'src/commands/main.ts',
  jobmanager: 'src/deployment/process/jobmanager.ts',
  taskmanager: 'src/deployment/process/taskmanager.ts',
  'slot-thread': 'src/deployment/process/slot-thread.ts',
  'user-code-thread': 'src/deployment/process/user-code-thread.ts',
};

if (!existsSync(join(root, 'src'))) process.exit(0);
if (process.argv.includes('--if-stale') && !isStale()) process.exit(0);
await build();

function isStale() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  const inputs = [join(root, 'package.json'), fileURLToPath(import.meta.url)];
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }))
    inputs.push(join(entry.parentPath, entry.name));
  return inputs.some((path) => statSync(path).mtimeMs > built);
}

async function build() {
  const { build: bundle } = await import('esbuild');
  const temporary = join(root, `dist.${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  try {
    const present = Object.fromEntries(Object.entries(entryPoints).filter(([, path]) => existsSync(join(root, path))));
    if (Object.keys(present).length > 0) {
      await bundle({
        absWorkingDir: root,
        entryPoints: present,
        outdir: temporary,
        bundle: true,
        splitting: true,
        chunkNames: 'chunks/[name]-[hash]',
        platform: 'node',
        format: 'esm',
        target: 'node22',
        sourcemap: 'linked',
        sourcesContent: false,
        keepNames: true,
        external: ['esbuild', 'weir'],
        banner: { js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);" },
        define: { __WEIR_COMMIT__: JSON.stringify(commit()) },
        logLevel: 'warning',
      });
    }
    if (existsSync(join(root, 'tsconfig.build.json'))) declarations(temporary);
    writeFileSync(join(temporary, '.built'), `${packageVersion()}\n`);
    replace(temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function declarations(outdir) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (existsSync(tsc))
    execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(outdir, 'types')], { stdio: 'inherit' });
}

function replace(temporary) {
  const former = `${target}.former.${process.pid}`;
  if (existsSync(target)) renameSync(target, former);
  renameSync(temporary, target);
  rmSync(former, { recursive: true, force: true });
}

function packageVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}
