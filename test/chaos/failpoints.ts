/** Arms failpoints of processes that were started with `WEIR_FAILPOINTS` naming this directory, and sees where they struck. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Failpoint } from '../../src/shared/failpoint.ts';

export interface Armed {
  readonly action: 'kill' | 'kill-thread' | 'stall' | 'throw';
  readonly ms?: number;
  readonly code?: string;
  readonly match?: string;
  readonly skip?: number;
  readonly stays?: boolean;
}

export interface Hit {
  /** Unique. */
  readonly file: string;
  readonly name: string;
  readonly pid: number;
  /** 0: the process's main thread. */
  readonly thread: number;
}

export class Failpoints {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  arm(name: Failpoint, armed: Armed): void {
    writeFileSync(join(this.directory, `${name}.new`), JSON.stringify(armed));
    renameSync(join(this.directory, `${name}.new`), join(this.directory, `${name}.armed`));
  }

  disarm(name: Failpoint): void {
    rmSync(join(this.directory, `${name}.armed`), { force: true });
  }

  hits(name: Failpoint): Hit[] {
    return readdirSync(this.directory).flatMap((file) => {
      const match = /^(.+)\.(\d+)\.(\d+)\.(\d+)\.hit$/.exec(file);
      return match?.[1] === name ? [{ file, name, pid: Number(match[2]), thread: Number(match[3]) }] : [];
    });
  }

  clear(): void {
    for (const file of readdirSync(this.directory)) rmSync(join(this.directory, file), { force: true });
  }
}
