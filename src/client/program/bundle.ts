/**
 * Bundles a program into an artifact directory: one ES module with its source map, native add-ons and declared assets
 * beside it. `weir` stays external: each process maps it to its own copy.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type ArtifactManifest, artifactManifestName, readArtifactManifest } from '../../program/artifact.ts';
import { UserError } from '../../shared/errors.ts';
import { weirVersion } from '../../shared/installation.ts';
import type { ProgramFile } from './program-file.ts';

/** Gives CommonJS dependencies what they expect inside an ES module. */
const banner = [
  "import { createRequire as __weirCreateRequire } from 'node:module';",
  "import { fileURLToPath as __weirFileURLToPath } from 'node:url';",
  "import { dirname as __weirDirname } from 'node:path';",
  'const require = __weirCreateRequire(import.meta.url);',
  'const __filename = __weirFileURLToPath(import.meta.url);',
  'const __dirname = __weirDirname(__filename);',
].join('');

/** Writes the artifact into `directory`. Throws UserError('BUNDLE_FAILED') with file, line and column of each problem. */
export async function bundleProgram(program: ProgramFile, classpaths: readonly string[], directory: string): Promise<ArtifactManifest> {
  mkdirSync(directory, { recursive: true });
  if (program.kind === 'bundle') cpSync(program.path, directory, { recursive: true });
  const built = program.kind === 'bundle' ? readArtifactManifest(directory) : undefined;
  const out = built ? built.entryModule.replace(/\.mjs$/, '') : entryPlace(program);
  const first = built?.extraModules.length ?? 0;
  const extras = classpaths.map((url, index) => ({ out: join(dirname(out), `extra-${first + index}`), in: classpathModule(url) }));
  const extraModules = extras.map((extra) => `${extra.out}.mjs`);
  if (built) {
    if (extras.length === 0) return built;
    await runEsbuild(extras, directory, program);
    return writeManifest(directory, { ...built, extraModules: [...built.extraModules, ...extraModules] });
  }
  await runEsbuild([{ out, in: program.path }, ...extras], directory, program);
  copyAssets(program, directory);
  return writeManifest(directory, {
    formatVersion: 1,
    weirVersion: weirVersion(),
    entryModule: `${out}.mjs`,
    extraModules,
    ...(program.entryExport === undefined ? {} : { entryExport: program.entryExport }),
    displayName: program.displayName,
  });
}

/** In a package, the bundled entry lies where its source lay, so that paths relative to it still lead to the assets. */
function entryPlace({ path, baseDirectory, assets }: ProgramFile): string {
  if (assets.length === 0) return 'main';
  return relative(baseDirectory, path)
    .replace(/\.[^.]+$/, '')
    .replaceAll('\\', '/');
}

function writeManifest(directory: string, manifest: ArtifactManifest): ArtifactManifest {
  writeFileSync(join(directory, artifactManifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

function classpathModule(url: string): string {
  const parsed = new URL(url);
  if (parsed.protocol !== 'file:') {
    throw new UserError('UNSUPPORTED_CLASSPATH', {
      problem: `-C ${url}: only file: URLs can be added to a program.`,
      tryNext: ['Download the module first, then pass file:///path/to/it.'],
    });
  }
  const path = fileURLToPath(parsed);
  if (!existsSync(path)) throw new UserError('CLASSPATH_NOT_FOUND', { problem: `-C ${url}: there is no such file.` });
  return path;
}

async function runEsbuild(entryPoints: { in: string; out: string }[], directory: string, program: ProgramFile): Promise<void> {
  const { build, stop } = await import('esbuild');
  try {
    await build({
      entryPoints,
      outdir: directory,
      outExtension: { '.js': '.mjs' },
      entryNames: '[dir]/[name]',
      // All modules lie in one directory: what one of them finds beside itself, each does.
      chunkNames: join(dirname((entryPoints[0] as { out: string }).out), '[name]-[hash]'),
      assetNames: 'assets/[name]-[hash]',
      bundle: true,
      splitting: entryPoints.length > 1,
      platform: 'node',
      format: 'esm',
      target: 'node22',
      external: ['weir', 'weir/*'],
      banner: { js: banner },
      loader: { '.node': 'file' },
      plugins: [nativeAddons(join(directory, dirname((entryPoints[0] as { out: string }).out)))],
      sourcemap: 'linked',
      sourcesContent: true,
      keepNames: true,
      logLevel: 'silent',
      absWorkingDir: dirname(program.path),
    });
  } catch (error) {
    throw bundleError(error, program);
  } finally {
    // Its process would stay beside a program that runs for long, and without a parent when that one is killed.
    await stop();
  }
  nameSources(directory);
}

/** Stacks name the files that were bundled, wherever the artifact is unpacked. */
function nameSources(directory: string): void {
  for (const path of globSync('**/*.map', { cwd: directory }).map((name) => join(directory, name))) {
    const map = JSON.parse(readFileSync(path, 'utf8')) as { sources: string[] };
    map.sources = map.sources.map((source) => (/^[a-z]+:/.test(source) ? source : pathToFileURL(resolve(dirname(path), source)).href));
    writeFileSync(path, JSON.stringify(map));
  }
}

/** `require('./x.node')` becomes a copied file that is loaded from beside the bundle's modules. */
function nativeAddons(moduleDirectory: string): import('esbuild').Plugin {
  return {
    name: 'native-addons',
    setup(build) {
      build.onResolve({ filter: /\.node$/, namespace: 'file' }, (args) => {
        const path = join(args.resolveDir, args.path);
        return existsSync(path) ? { path, namespace: 'native-addon' } : undefined;
      });
      build.onLoad({ filter: /.*/, namespace: 'native-addon' }, (args) => {
        // Many packages call theirs binding.node.
        const content = createHash('sha256').update(readFileSync(args.path)).digest('hex').slice(0, 16);
        const name = `${content}-${basename(args.path)}`;
        mkdirSync(join(moduleDirectory, 'native'), { recursive: true });
        copyFileSync(args.path, join(moduleDirectory, 'native', name));
        return { contents: `module.exports = require(__dirname + ${JSON.stringify(`/native/${name}`)});`, loader: 'js' };
      });
    },
  };
}

interface EsbuildMessage {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number; readonly column: number; readonly lineText: string } | null;
}

function bundleError(error: unknown, program: ProgramFile): UserError {
  const messages = (error as { errors?: readonly EsbuildMessage[] }).errors;
  if (!messages) throw error;
  const found = messages
    .slice(0, 5)
    .map(({ text, location }) =>
      location
        ? `${join(dirname(program.path), location.file)}:${location.line}:${location.column + 1}: ${text}\n    ${location.lineText.trim()}`
        : text,
    );
  if (messages.length > 5) found.push(`… and ${messages.length - 5} more.`);
  const unresolved = messages.some((message) => message.text.startsWith('Could not resolve'));
  return new UserError('BUNDLE_FAILED', {
    problem: `The program ${program.displayName} cannot be bundled.`,
    found: found.join('\n'),
    tryNext: unresolved ? [`Install what it imports: npm install in ${dirname(program.path)}`] : [],
  });
}

function copyAssets(program: ProgramFile, directory: string): void {
  for (const pattern of program.assets) {
    for (const match of globSync(pattern, { cwd: program.baseDirectory })) {
      const target = join(directory, relative('.', match));
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(program.baseDirectory, match), target, { recursive: true });
    }
  }
}
