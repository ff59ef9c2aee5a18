/**
 * What must hold in every simulated world, checked at the moment it could break. Looks at what is said and at what lies on the
 * disk, never into the engine.
 */
import { basename } from 'node:path';
import { streamHandlesOfCheckpoint } from '../../../src/runtime/checkpoint/metadata/checkpoint-metadata.ts';
import { decodeMetadata } from '../../../src/runtime/checkpoint/metadata/metadata-codec.ts';
import type { CheckpointOptions, TaskDeploymentDescriptor } from '../../../src/runtime/rpc/gateways.ts';
import type { SerializedError } from '../../../src/shared/errors.ts';
import type { Disk } from './disk.ts';
import { clusterDirectory } from './job-manager.ts';
import type { Transactions } from './program.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Transaction {
  records: unknown[];
  state: 'open' | 'committed' | 'aborted';
  /** The checkpoint that covers it. */
  checkpointId: number | undefined;
}

interface Awaited {
  readonly checkpointId: number;
  readonly attempts: Set<string>;
  readonly until: number;
}

export class Watch implements Transactions {
  readonly violations: string[] = [];
  /** Records that were committed, in order. */
  readonly committed: unknown[] = [];
  /** Checkpoints that were completed, for the tally. */
  readonly recorded = new Set<number>();
  epoch = 0;
  deployments = 0;
  disk!: Disk;
  readonly #time: VirtualTime;
  readonly #trace: (text: string) => void;
  readonly #transactions = new Map<number, Transaction>();
  readonly #attempts = new Set<string>();
  /** Notifications that an attempt was given, by attempt. */
  readonly #awaited: Awaited[] = [];
  readonly #patienceMs: number;

  constructor(time: VirtualTime, patienceMs: number, trace: (text: string) => void) {
    this.#time = time;
    this.#patienceMs = patienceMs;
    this.#trace = trace;
  }

  violated(text: string): void {
    this.#trace(`VIOLATED: ${text}`);
    this.violations.push(text);
  }

  note(text: string): void {
    this.#trace(text);
  }

  // What the external system of the sink sees.

  begin(): number {
    const id = this.#transactions.size + 1;
    this.#transactions.set(id, { records: [], state: 'open', checkpointId: undefined });
    return id;
  }

  write(id: number, value: unknown): void {
    const transaction = this.#transactions.get(id) as Transaction;
    if (transaction.state !== 'open') throw new Error(`transaction ${id} is ${transaction.state}`);
    transaction.records.push(value);
  }

  preCommitted(id: number, checkpointId: number): void {
    (this.#transactions.get(id) as Transaction).checkpointId = checkpointId;
  }

  commit(id: number): void {
    const transaction = this.#transactions.get(id) as Transaction;
    if (transaction.state === 'committed') return;
    if (transaction.state === 'aborted') {
      this.violated(`transaction ${id} of checkpoint ${transaction.checkpointId} was aborted, and is to be committed`);
      throw new Error(`transaction ${id} was aborted`);
    }
    const { checkpointId } = transaction;
    if (checkpointId === undefined || ![...this.recorded].some((recorded) => recorded >= checkpointId))
      this.violated(`transaction ${id} is committed, and checkpoint ${checkpointId} is not complete`);
    this.#trace(`transaction ${id} (checkpoint ${checkpointId}) is committed`);
    transaction.state = 'committed';
    this.committed.push(...transaction.records);
  }

  abort(id: number): void {
    const transaction = this.#transactions.get(id) as Transaction;
    if (transaction.state === 'committed') this.violated(`transaction ${id} is aborted behind its commit`);
    else transaction.state = 'aborted';
  }

  // What the JobManager says.

  deployed({ attemptId, restore, vertex, subtaskIndex, attemptNumber }: TaskDeploymentDescriptor, fencing: string): void {
    this.deployments++;
    const from = restore?.checkpointId ?? 0;
    this.#trace(`deploy ${vertex.name}.${subtaskIndex}.${attemptNumber} from ${from}`);
    if (Number(fencing.split('-')[0]) !== this.epoch) return;
    const newest = this.#newestRecord()?.checkpointId ?? 0;
    if (from !== newest) this.violated(`${nameOf(attemptId)} starts from checkpoint ${from}, and the newest completed one is ${newest}`);
  }

  triggered(attemptId: string, checkpointId: number, options: CheckpointOptions): void {
    this.#trace(`trigger ${options.kind} ${checkpointId} at ${nameOf(attemptId)}`);
    if (options.kind === 'savepoint' || this.#awaited.some((awaited) => awaited.checkpointId === checkpointId)) return;
    this.#awaited.push({ checkpointId, attempts: new Set(this.#attempts), until: this.#time.now + this.#patienceMs });
  }

  saidComplete(attemptId: string, checkpointId: number): void {
    this.#trace(`complete ${checkpointId} to ${nameOf(attemptId)}`);
    if (!this.recorded.has(checkpointId)) this.violated(`checkpoint ${checkpointId} is said to be complete, and is not recorded`);
    for (const awaited of this.#awaited) if (awaited.checkpointId <= checkpointId) awaited.attempts.delete(attemptId);
  }

  saidAborted(attemptId: string, checkpointId: number, latestCompletedId: number | undefined): void {
    this.#trace(`abort ${checkpointId} to ${nameOf(attemptId)}, latest ${latestCompletedId}`);
    if (latestCompletedId !== undefined && !this.recorded.has(latestCompletedId))
      this.violated(`checkpoint ${latestCompletedId} is said to be the latest completed one, and is not recorded`);
    for (const awaited of this.#awaited) if (awaited.checkpointId === checkpointId) awaited.attempts.delete(attemptId);
  }

  // What becomes of processes and attempts.

  leads(epoch: number): void {
    this.epoch = epoch;
    // The one before can tell nobody any more.
    this.#awaited.length = 0;
  }

  attemptBegun(attemptId: string): void {
    this.#attempts.add(attemptId);
  }

  attemptEnded(attemptId: string): void {
    this.#trace(`${nameOf(attemptId)} ended`);
    this.#attempts.delete(attemptId);
    for (const { attempts } of this.#awaited) attempts.delete(attemptId);
  }

  failed(attemptId: string, error: SerializedError): void {
    this.#trace(`${nameOf(attemptId)} failed: ${error.message}`);
    for (let cause: SerializedError | undefined = error; cause; cause = cause.cause)
      if (cause.name === 'BugError' || cause.name === 'TypeError') this.violated(`${nameOf(attemptId)}: ${cause.stack}`);
  }

  /** Every attempt hears what became of each checkpoint, in time. */
  checkTold(): void {
    while (this.#awaited.length > 0 && (this.#awaited[0] as Awaited).until < this.#time.now) {
      const { checkpointId, attempts } = this.#awaited.shift() as Awaited;
      if (attempts.size > 0) this.violated(`nobody told ${[...attempts].map(nameOf).join(', ')} what became of checkpoint ${checkpointId}`);
    }
  }

  /** The TaskManager is gone with all its attempts. */
  attemptsLost(attemptIds: readonly string[]): void {
    for (const attemptId of attemptIds) this.attemptEnded(attemptId);
  }

  // What happens on the disk.

  diskChanged(operation: string, path: string): void {
    const record = /^\/ha\/records\/0*(\d+)\/checkpoint-[0-9a-f]{32}-0*(\d+)$/.exec(path);
    if (record && operation === 'rename' && Number(record[1]) >= this.epoch && !this.recorded.has(Number(record[2]))) {
      this.#trace(`checkpoint ${record[2]} is recorded`);
      this.recorded.add(Number(record[2]));
    }
    if (operation === 'remove' && path.startsWith('/checkpoints/')) {
      this.#trace(`remove ${basename(path)}`);
      this.#checkNewest();
    }
  }

  /** Nothing that the newest completed checkpoint needs is gone. */
  #checkNewest(): void {
    const record = this.#newestRecord();
    if (!record || record.isOver) return;
    const metadata = this.disk.entries.get(record.metadataFile);
    if (!metadata) {
      this.violated(`the metadata of the newest completed checkpoint ${record.checkpointId} is gone`);
      return;
    }
    const { operators } = decodeMetadata(metadata.bytes, record.metadataFile);
    for (const handle of streamHandlesOfCheckpoint(operators))
      if (handle.kind === 'relative' && !this.disk.entries.has(record.metadataFile.replace('_metadata', handle.name)))
        this.violated(`a state file of the newest completed checkpoint ${record.checkpointId} is gone`);
  }

  /** In the records of the leader, as the next one would find them. */
  #newestRecord(): { checkpointId: number; metadataFile: string; isOver: boolean } | undefined {
    const directory = `${clusterDirectory}/records/${String(this.epoch).padStart(19, '0')}/`;
    let newest: string | undefined;
    let isOver = false;
    let isComplete = false;
    for (const path of this.disk.entries.keys()) {
      if (!path.startsWith(directory)) continue;
      const name = path.slice(directory.length);
      if (name === '.complete') isComplete = true;
      if (name.startsWith('result-')) isOver = true;
      if (/^checkpoint-[0-9a-f]{32}-\d+$/.test(name) && (newest === undefined || path > newest)) newest = path;
    }
    if (newest === undefined || !isComplete) return undefined;
    const { body } = JSON.parse(Buffer.from(this.disk.entries.get(newest)?.bytes ?? '').toString()) as {
      body: { checkpointId: number; metadataFile: string };
    };
    return { checkpointId: body.checkpointId, metadataFile: this.disk.pathOf(body.metadataFile), isOver };
  }
}

/** `vertex.subtask.attempt`, without what is different in each run. */
export function nameOf(attemptId: string): string {
  const [, vertex, subtask, attempt] = attemptId.split('_');
  return `${vertex?.slice(0, 4)}.${subtask}.${attempt}`;
}
