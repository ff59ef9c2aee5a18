/**
 * What the user pointed `flink run` at: a module, a package directory, a .tgz of either, an already built bundle, or
 * something that is no Weir program at all (a Java jar), which is refused with a sentence that helps.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { satisfies, validRange } from 'semver';
import { extract } from 'tar';
import { artifactManifestName, readArtifactManifest } from '../../program/artifact.ts';
import { UserError } from '../../shared/errors.ts';
import { installationRoot, weirVersion } from '../../shared/installation.ts';

export interface ProgramFile {
  readonly kind: 'source' | 'bundle';
  /** The module to bundle, or the directory of the bundle. */
  readonly path: string;
  /** As the user wrote it. */
  readonly displayName: string;
  /** package.json `weir.entry`, when the program is a package. */
  readonly entryExport?: string | undefined;
  /** Files and globs of package.json `weir.assets`, absolute base directory. */
  readonly assets: readonly string[];
  readonly baseDirectory: string;
  dispose(): void;
}

const moduleExtensions = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.tsx', '.jsx'];

/** Throws UserError; the texts of a missing file are those Flink's scripts know. */
export async function openProgramFile(path: string, temporaryDirectory = tmpdir()): Promise<ProgramFile> {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new UserError('PROGRAM_NOT_FOUND', { problem: `JAR file does not exist: ${path}` });
  }
  if (statSync(absolute).isDirectory()) return openDirectory(absolute, path, () => {});
  const extension = extname(absolute);
  if (moduleExtensions.includes(extension)) return source(absolute, path);
  const magic = readMagic(absolute);
  if (magic.startsWith('504b0304')) refuseZip(absolute, path);
  if (magic.startsWith('1f8b')) return openArchive(absolute, path, temporaryDirectory);
  if (magic.startsWith('cafebabe')) refuseJava(path, 'It is a compiled Java class.');
  throw new UserError('UNKNOWN_PROGRAM', {
    problem: `${path} is not a program that Weir can run.`,
    found: `Its name ends in '${extension}', and it is neither a module nor a .tgz.`,
    tryNext: ['Pass a .ts or .js module, a package directory, or a .tgz made by `npm pack`.'],
  });
}

function source(absolute: string, displayName: string): ProgramFile {
  return { kind: 'source', path: absolute, displayName, assets: [], baseDirectory: resolve(absolute, '..'), dispose: () => {} };
}

function readMagic(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(4);
    readSync(file, bytes, 0, 4, 0);
    return bytes.toString('hex');
  } finally {
    closeSync(file);
  }
}

function refuseZip(absolute: string, path: string): never {
  const text = readFileSync(absolute).toString('latin1');
  const java = text.includes('META-INF/MANIFEST.MF') || text.includes('.class');
  if (java) refuseJava(path, 'It is a Java archive.');
  throw new UserError('UNKNOWN_PROGRAM', {
    problem: `${path} is a zip archive.`,
    tryNext: ['Pass a .tgz (npm pack makes one), a module, or a package directory.'],
  });
}

function refuseJava(path: string, found: string): never {
  throw new UserError('JAVA_PROGRAM', {
    problem: `${path} holds Java byte code, and Weir runs TypeScript and JavaScript programs.`,
    found,
    tryNext: [
      `Write the job in TypeScript with the same DataStream calls: ${join(installationRoot(), 'docs/concepts/coming-from-flink.md')} shows them side by side.`,
      'Run this jar on Apache Flink.',
    ],
  });
}

async function openArchive(absolute: string, displayName: string, temporaryDirectory: string): Promise<ProgramFile> {
  const directory = mkdtempSync(join(temporaryDirectory, 'weir-program-'));
  const dispose = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    await extract({ file: absolute, cwd: directory, strict: true });
    const entries = readdirSync(directory);
    const only = entries.length === 1 ? join(directory, entries[0] as string) : directory;
    return openDirectory(statSync(only).isDirectory() ? only : directory, displayName, dispose);
  } catch (error) {
    dispose();
    if (error instanceof UserError) throw error;
    throw new UserError('BROKEN_ARCHIVE', { problem: `${displayName} cannot be unpacked.`, found: String(error), cause: error });
  }
}

interface PackageManifest {
  readonly name?: string;
  readonly main?: string;
  readonly module?: string;
  readonly exports?: unknown;
  readonly weir?: { readonly entry?: string; readonly module?: string; readonly assets?: readonly string[] };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function openDirectory(directory: string, displayName: string, dispose: () => void): ProgramFile {
  if (existsSync(join(directory, artifactManifestName))) {
    refuseOtherBundle(directory, displayName);
    return { kind: 'bundle', path: directory, displayName, assets: [], baseDirectory: directory, dispose };
  }
  const manifestFile = join(directory, 'package.json');
  if (!existsSync(manifestFile)) {
    throw new UserError('NOT_A_PACKAGE', {
      problem: `JAR file is not a file: ${displayName}`,
      found: 'The directory has no package.json, so nothing says which module is the program.',
      tryNext: [`Name the module itself, for example ${join(displayName, 'index.ts')}.`],
    });
  }
  const manifest = readManifest(manifestFile);
  refuseOtherVersion(manifest, displayName);
  // `weir.entry` is `module`, `module#export` or just an export's name.
  const [entryModule, entryExport] = splitEntry(manifest.weir?.entry);
  const module =
    entryModule ??
    manifest.weir?.module ??
    exportedModule(manifest.exports) ??
    manifest.module ??
    manifest.main ??
    defaultModule(directory);
  const path = module === undefined ? undefined : resolveModule(directory, module);
  if (path === undefined) {
    throw new UserError('NO_PROGRAM_MODULE', {
      problem: `The package ${displayName} does not say which module is the program.`,
      found: module === undefined ? 'package.json has no weir.entry, exports, module or main.' : `${module} does not exist in it.`,
      tryNext: ['Add to package.json: "weir": { "entry": "./src/job.ts" }'],
    });
  }
  return { kind: 'source', path, displayName, entryExport, assets: manifest.weir?.assets ?? [], baseDirectory: directory, dispose };
}

function readManifest(file: string): PackageManifest {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as PackageManifest;
  } catch (error) {
    throw new UserError('BROKEN_PACKAGE', { problem: `${file} is not valid JSON.`, found: String(error), cause: error });
  }
}

function refuseOtherBundle(directory: string, displayName: string): void {
  const builtFor = readArtifactManifest(directory).weirVersion;
  if (satisfies(weirVersion(), `^${builtFor}`, { includePrerelease: true })) return;
  throw new UserError('VERSION_MISMATCH', {
    problem: `The bundle ${displayName} was built for Weir ${builtFor}, and this is Weir ${weirVersion()}.`,
    tryNext: ['Bundle the program again with this Weir: submit its source.'],
  });
}

function refuseOtherVersion(manifest: PackageManifest, displayName: string): void {
  const range = manifest.peerDependencies?.['weir'] ?? manifest.dependencies?.['weir'];
  if (range === undefined || validRange(range) === null) return;
  if (satisfies(weirVersion(), range, { includePrerelease: true })) return;
  throw new UserError('VERSION_MISMATCH', {
    problem: `${displayName} asks for weir ${range}, and this is Weir ${weirVersion()}.`,
    tryNext: ['Change the range in its package.json, or run it with the Weir it was written for.'],
  });
}

function splitEntry(entry: string | undefined): [string | undefined, string | undefined] {
  if (entry === undefined) return [undefined, undefined];
  const hash = entry.indexOf('#');
  if (hash >= 0) return [entry.slice(0, hash), entry.slice(hash + 1)];
  return /[./]/.test(entry) ? [entry, undefined] : [undefined, entry];
}

function exportedModule(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (exports === null || typeof exports !== 'object') return undefined;
  const table = exports as Record<string, unknown>;
  for (const condition of ['.', 'node', 'import', 'default', 'require']) {
    const found = exportedModule(table[condition]);
    if (found) return found;
  }
  return undefined;
}

function defaultModule(directory: string): string | undefined {
  return ['index.ts', 'index.js', 'index.mjs', 'src/index.ts'].find((name) => existsSync(join(directory, name)));
}

function resolveModule(directory: string, module: string): string | undefined {
  const base = resolve(directory, module);
  const candidates = [
    base,
    ...moduleExtensions.map((extension) => base + extension),
    ...moduleExtensions.map((e) => join(base, `index${e}`)),
  ];
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}

/** The program's name for messages and artifacts: the file's or package's last path element. */
export function programBaseName(file: ProgramFile): string {
  return basename(file.displayName);
}
