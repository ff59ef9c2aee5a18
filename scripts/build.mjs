/**
 * Builds `dist`: what processes run is bundled JavaScript, because it starts several times faster than sources. Entry points
 * share chunks, so that a slot's engine and the `weir` its user code imports are one module instance.
 *
 * `--if-stale` returns at once when nothing is newer than the last build; `--code-only` leaves the type declarations alone,
 * for launchers that only want to run.
 *
 * A build may run beside processes that use `dist`, and beside other builds: chunks are named by content and kept for an
 * hour, entry points are replaced one by one by rename after the chunks they need are there, and a lock admits one build.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'dist');
const stamp = join(target, '.built');
const lock = join(root, 'dist.lock');
const keepChunksMs = 3_600_000;

const entryPoints = {
  weir: 'src/weir.ts',
  testing: 'src/testing/index.ts',
  flink: 'src/commands/main.ts',
  jobmanager: 'src/deployment/process/jobmanager.ts',
  'standalone-job': 'src/deployment/process/standalone-job.ts',
  taskmanager: 'src/deployment/process/taskmanager.ts',
  'slot-thread': 'src/deployment/process/slot-thread.ts',
  'user-code-thread': 'src/deployment/process/user-code-thread.ts',
  'program-process': 'src/deployment/process/program-process.ts',
  'yarn-resource-manager': 'src/deployment/process/yarn-resource-manager.ts',
  'yarn-application-master': 'src/deployment/process/yarn-application-master.ts',
};

/** What cannot be bundled: a native program, native add-ons, and what is looked up at run time. */
const external = ['esbuild', 'weir', 'msgpackr-extract', '*.node'];

const ifStale = process.argv.includes('--if-stale');
const codeOnly = process.argv.includes('--code-only');

if (existsSync(join(root, 'src')) && !(ifStale && !isStale())) await buildAlone();

function isStale() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  const inputs = [join(root, 'package.json'), fileURLToPath(import.meta.url)];
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true }))
    inputs.push(join(entry.parentPath ?? entry.path, entry.name));
  return inputs.some((path) => modified(path) > built);
}

/** 0 for a file that vanished meanwhile. */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function buildAlone() {
  await acquireLock();
  try {
    if (!ifStale || isStale()) await build();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

async function acquireLock() {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (lockIsAbandoned()) rmSync(lock, { recursive: true, force: true });
    else await new Promise((resume) => setTimeout(resume, 50));
  }
}

function lockIsAbandoned() {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    // Without a readable pid its owner is just starting, unless the lock is old.
    return error.code === 'ESRCH' || (error.code === 'ENOENT' && Date.now() - modified(lock) > 5_000);
  }
}

async function build() {
  // Taken before the sources are read: a file saved during the build makes it stale again.
  const startedAt = new Date();
  const temporary = join(root, `dist.${process.pid}`);
  mkdirSync(temporary, { recursive: true });
  try {
    await bundle(temporary);
    if (!codeOnly) declarations(temporary);
    publish(temporary);
    writeFileSync(stamp, `${packageVersion()}\n`);
    utimesSync(stamp, startedAt, startedAt);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function bundle(outdir) {
  const present = Object.fromEntries(Object.entries(entryPoints).filter(([, path]) => existsSync(join(root, path))));
  if (Object.keys(present).length === 0) return;
  const { build: runEsbuild } = await import('esbuild');
  await runEsbuild({
    absWorkingDir: root,
    entryPoints: present,
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    sourcemap: 'linked',
    sourcesContent: false,
    external,
    banner: { js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);" },
    plugins: [lazyOclif()],
    define: { __WEIR_COMMIT__: JSON.stringify(commit()) },
    logLevel: 'warning',
  });
}

/**
 * oclif's Command requires the whole of oclif: plugins, help templates, spinners. Each of its modules is loaded here when it is
 * first used, which saves every command 17 ms (measured) and changes nothing else.
 */
function lazyOclif() {
  const required = /^const (\w+) = require\((".*?")\);$/gm;
  return {
    name: 'lazy-oclif',
    setup(build) {
      build.onLoad({ filter: /[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replace(required, 'const $1 = new Proxy({}, { get: (_, name) => require($2)[name] });'),
        loader: 'js',
      }));
    },
  };
}

function declarations(outdir) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc) || !existsSync(join(root, 'tsconfig.build.json'))) return;
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', join(outdir, 'types')], { stdio: 'inherit' });
}

/** Chunks first, then the entry points that import them, then the declarations, which no process reads. */
function publish(from) {
  mkdirSync(join(target, 'chunks'), { recursive: true });
  const chunks = existsSync(join(from, 'chunks')) ? readdirSync(join(from, 'chunks')) : [];
  for (const name of chunks) renameSync(join(from, 'chunks', name), join(target, 'chunks', name));
  const entries = readdirSync(from).filter((name) => name !== 'chunks' && name !== 'types');
  for (const name of entries) renameSync(join(from, name), join(target, name));
  dropOld(join(target, 'chunks'), new Set(chunks), keepChunksMs);
  dropOld(target, new Set([...entries, 'chunks', 'types', '.built']), 0);
  if (existsSync(join(from, 'types'))) {
    rmSync(join(target, 'types'), { recursive: true, force: true });
    renameSync(join(from, 'types'), join(target, 'types'));
  }
}

function dropOld(directory, keep, keepMs) {
  const oldest = Date.now() - keepMs;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (!keep.has(name) && modified(path) <= oldest) rmSync(path, { recursive: true, force: true });
  }
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
