/**
 * Named places where a fault can be put from outside, to prove that a job survives one exactly there. Off unless the variable
 * WEIR_FAILPOINTS names a directory when the process starts; then a file `<name>.armed` in it arms that place:
 *
 *     {"action": "kill" | "kill-thread" | "stall" | "throw", "ms": 3000, "code": "ENOSPC", "match": "/checkpoints/", "skip": 2,
 *      "stays": true}
 *
 * `match`: only where the detail contains it. `skip`: passes before it strikes. `stays`: strikes until the file is removed;
 * otherwise once, in whichever process and thread comes first. Each strike leaves a file `<name>.<pid>.<thread>.<n>.hit`
 * before it takes effect.
 *
 * Never on the path of a record: a place is passed once per checkpoint, state file, or attempt.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';

export type Failpoint =
  /** The synchronous part of an attempt's first snapshot begins, and nothing was restored. */
  | 'task.first-snapshot'
  /** A barrier came, and others are awaited. */
  | 'task.alignment'
  /** One operator's part of a snapshot is written, and the JobManager does not know. */
  | 'task.acknowledge'
  /** State of one operator was read back. */
  | 'task.restore'
  | 'task.cancel'
  /** A state file is written and has not got its name. */
  | 'state.publish'
  /** The news of a completed checkpoint came; nothing is committed. */
  | 'sink.commit'
  /** A file has its final name, and nobody knows. */
  | 'file-sink.committed'
  /** The directory of a checkpoint is there; the detail is its id. */
  | 'checkpoint.trigger'
  /** `_metadata` is there, and no record of it. */
  | 'checkpoint.published'
  /** The checkpoint is recorded, and no task knows. */
  | 'checkpoint.recorded'
  /** A record is in the leader's directory, and the leader has not looked whether it still leads; the detail is the record's name. */
  | 'leadership.written'
  /** What to start from is chosen; no task is deployed. */
  | 'job.restore'
  /** All that restarts together has ended. */
  | 'failover.ended'
  /** The new attempts are about to be deployed. */
  | 'failover.deploy'
  /** The detail is the path. */
  | 'file-system.make-directory'
  | 'file-system.create'
  | 'file-system.write'
  | 'file-system.sync'
  | 'file-system.rename'
  | 'file-system.remove';

interface Arm {
  readonly action: 'kill' | 'kill-thread' | 'stall' | 'throw';
  readonly ms?: number;
  readonly code?: string;
  readonly match?: string;
  readonly skip?: number;
  readonly stays?: boolean;
}

// Taken at import: later, what user code calls by these names does something else.
const directory = process.env['WEIR_FAILPOINTS'] || undefined;
const kill = process.kill.bind(process);
const exitThread = (process as unknown as { reallyExit(code: number): never }).reallyExit.bind(process);
let strikes = 0;

/** Holds this thread where `stall` is armed. Throws where `throw` is. */
export function failpoint(name: Failpoint, detail = ''): void {
  const arm = directory === undefined ? undefined : strike(directory, name, detail);
  if (!arm) return;
  if (arm.action === 'stall') hold(arm.ms ?? 1000);
  else act(arm, name);
}

/** As {@link failpoint}, where a stall is a slow device: this thread goes on with other work. */
export async function slowFailpoint(name: Failpoint, detail = ''): Promise<void> {
  const arm = directory === undefined ? undefined : strike(directory, name, detail);
  if (!arm) return;
  if (arm.action === 'stall') await new Promise((resume) => setTimeout(resume, arm.ms ?? 1000));
  else act(arm, name);
}

function strike(directory: string, name: Failpoint, detail: string): Arm | undefined {
  const file = join(directory, `${name}.armed`);
  const arm = read(file);
  if (!arm || (arm.match !== undefined && !detail.includes(arm.match))) return undefined;
  if (arm.skip !== undefined && arm.skip > 0) {
    const temporary = `${file}.${process.pid}.${threadId}`;
    writeFileSync(temporary, JSON.stringify({ ...arm, skip: arm.skip - 1 }));
    renameSync(temporary, file);
    return undefined;
  }
  const hit = join(directory, `${name}.${process.pid}.${threadId}.${++strikes}.hit`);
  if (arm.stays) writeFileSync(hit, JSON.stringify(arm));
  else if (!claimed(file, hit)) return undefined;
  return arm;
}

function read(file: string): Arm | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Arm;
  } catch {
    return undefined;
  }
}

/** One of those that come at the same time wins. */
function claimed(file: string, hit: string): boolean {
  try {
    renameSync(file, hit);
    return true;
  } catch {
    return false;
  }
}

function act({ action, code }: Arm, name: Failpoint): void {
  if (action === 'throw') throw Object.assign(new Error(`${code ?? 'EIO'}: injected at ${name}`), { code: code ?? 'EIO' });
  if (action === 'kill-thread' && !isMainThread) exitThread(137);
  kill(process.pid, 'SIGKILL');
  // The signal takes a moment, in which nothing else may happen.
  hold(Number.POSITIVE_INFINITY);
}

function hold(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
