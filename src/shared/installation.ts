/** Where this copy of Weir lives and which version it is; found from this file's own place, in sources and in `dist` alike. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BugError } from './assert.ts';

interface PackageFacts {
  readonly root: string;
  readonly version: string;
}

let facts: PackageFacts | undefined;

function packageFacts(): PackageFacts {
  facts ??= findPackage(dirname(fileURLToPath(import.meta.url)));
  return facts;
}

function findPackage(start: string): PackageFacts {
  for (let directory = start; ; directory = dirname(directory)) {
    const file = join(directory, 'package.json');
    if (existsSync(file)) {
      const parsed = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
      if (parsed.name === 'weir') return { root: directory, version: parsed.version ?? '0.0.0' };
    }
    if (dirname(directory) === directory) throw new BugError(`no package.json of weir above ${start}`);
  }
}

/** The directory that holds `bin`, `conf` and `dist`. */
export function installationRoot(): string {
  return packageFacts().root;
}

export function weirVersion(): string {
  return packageFacts().version;
}

declare const __WEIR_COMMIT__: string | undefined;

/** The commit that `dist` was built from; undefined when it is run from sources or was built outside a repository. */
export function buildCommit(): string | undefined {
  return typeof __WEIR_COMMIT__ === 'undefined' || __WEIR_COMMIT__ === '' ? undefined : __WEIR_COMMIT__;
}

/** The module that user programs get when they import `weir`. */
export function weirModulePath(): string {
  return join(packageFacts().root, 'dist', 'weir.js');
}
