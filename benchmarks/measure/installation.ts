/**
 * The installation that is measured: this checkout, or another revision checked out beside it for a comparison, with the same
 * dependencies and built by its own script.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Installation {
  readonly name: string;
  readonly directory: string;
}

const checkout = resolve(import.meta.dirname, '../..');

export const thisInstallation: Installation = { name: 'this', directory: checkout };

export class OtherInstallation implements Installation, Disposable {
  readonly name: string;
  readonly directory: string;

  constructor(revision: string) {
    this.name = revision;
    this.directory = join(mkdtempSync(join(tmpdir(), 'weir-against-')), 'checkout');
    git('worktree', 'add', '--detach', '--quiet', this.directory, revision);
    symlinkSync(join(checkout, 'node_modules'), join(this.directory, 'node_modules'));
    execFileSync(process.execPath, [join(this.directory, 'scripts', 'build.mjs'), '--code-only'], { stdio: 'inherit' });
  }

  [Symbol.dispose](): void {
    git('worktree', 'remove', '--force', this.directory);
    rmSync(resolve(this.directory, '..'), { recursive: true, force: true });
  }
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: checkout, stdio: ['ignore', 'ignore', 'inherit'] });
}
