/**
 * The staging directory of an application: `<home or yarn.staging-directory>/.flink/<application id>`, readable by its user
 * only. What lies there is put into the working directories of the application's containers.
 */
import { cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { UserError } from '../../../shared/errors.ts';
import { fileSystemOf } from '../../../shared/file-system/file-system.ts';
import { installationRoot } from '../../../shared/installation.ts';
import type { ApplicationId, LocalResource } from '../protocol/records.ts';

export class StagingDirectory {
  readonly path: string;
  /** By name in the container's working directory. */
  readonly resources: Record<string, LocalResource> = {};

  constructor(config: Configuration, environment: Readonly<Record<string, string | undefined>>, application: ApplicationId) {
    const configured = config.get('yarn.staging-directory');
    const parent = configured === undefined ? (environment['HOME'] ?? homedir()) : localPath(configured, 'yarn.staging-directory');
    this.path = join(resolve(parent), '.flink', application);
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.path, name), content, { mode: 0o600 });
    this.#register(name, 'FILE');
  }

  /** A file or a directory of this machine. Throws UserError('SHIPPED_TWICE'). */
  ship(source: string, type: LocalResource['type'] = 'FILE', name = basename(resolve(source))): void {
    if (name in this.resources) {
      throw new UserError('SHIPPED_TWICE', {
        problem: `Two files of the name ${name} would be shipped.`,
        found: `The second is ${resolve(source)}.`,
        tryNext: ['Rename one: all that is shipped lies side by side in the working directory of a container.'],
      });
    }
    cpSync(source, join(this.path, name), { recursive: true, dereference: true });
    this.#register(name, type);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #register(name: string, type: LocalResource['type']): void {
    this.resources[name] = { source: join(this.path, name), type };
  }
}

/** Throws UserError('NO_FILE_SYSTEM') for a place that containers of this machine do not reach as a file. */
export function localPath(text: string, key: string): string {
  return resolve(fileSystemOf(text, key).path);
}

/** Stages what yarn.ship-files and yarn.ship-archives name; what is not there is told and left out, as by Flink. */
export function stageShippedFiles(staging: StagingDirectory, config: Configuration, tell: (line: string) => void): void {
  for (const [key, type] of [
    ['yarn.ship-files', 'FILE'],
    ['yarn.ship-archives', 'ARCHIVE'],
  ] as const) {
    for (const text of config.get(key) ?? []) {
      const path = localPath(text, key);
      if (!existsSync(path)) tell(`WARNING: ${path} (${key}) does not exist and is not shipped.`);
      else if (type === 'ARCHIVE' && !/\.(tgz|tar|tar\.gz)$/.test(path)) throw badArchive(path);
      else staging.ship(path, type);
    }
  }
}

/** What every process of the installation needs. */
const entryOfMaster = join('dist', 'yarn-application-master.js');

/**
 * The installation that containers run: of yarn.provided.lib.dirs, else the one that yarn.flink-dist-jar names, else this one.
 * Other provided directories are linked into the working directories by what they hold. Throws UserError('NO_INSTALLATION').
 */
export function stageInstallation(staging: StagingDirectory, config: Configuration, tell: (line: string) => void): string {
  const provided = (config.get('yarn.provided.lib.dirs') ?? []).map((text) => localPath(text, 'yarn.provided.lib.dirs'));
  for (const path of provided) if (!existsSync(path) || !statSync(path).isDirectory()) throw badProvided(path);
  const installation = provided.find((path) => existsSync(join(path, entryOfMaster)));
  for (const path of provided) if (path !== installation) staging.resources[basename(path)] = { source: path, type: 'FILE' };
  if (installation !== undefined) return installation;
  const distribution = config.get('yarn.flink-dist-jar');
  if (distribution === undefined) return installationRoot();
  const path = localPath(distribution, 'yarn.flink-dist-jar');
  if (/\.jar$/.test(path)) {
    tell(`WARNING: ${path} (-j, yarn.flink-dist-jar) is for a JVM and is ignored; the containers run ${installationRoot()}.`);
    return installationRoot();
  }
  if (existsSync(join(path, entryOfMaster))) return path;
  throw new UserError('NO_INSTALLATION', {
    problem: `${path} is not an installation of Weir.`,
    found: `It comes from yarn.flink-dist-jar (-j). ${join(path, entryOfMaster)} does not exist.`,
    tryNext: ['Name the directory that holds bin and dist, or leave the option out.'],
  });
}

function badProvided(path: string): UserError {
  return new UserError('NO_INSTALLATION', {
    problem: `The provided lib dir ${path} is not a directory.`,
    found: 'It comes from yarn.provided.lib.dirs.',
    tryNext: ['Name directories that all nodes reach; the one that holds dist is the installation the containers run.'],
  });
}

function badArchive(path: string): UserError {
  return new UserError('BAD_ARCHIVE', {
    problem: `${path} cannot be unpacked in a container.`,
    found: 'It comes from yarn.ship-archives.',
    tryNext: ['Ship a .tgz, .tar.gz or .tar archive.'],
  });
}
