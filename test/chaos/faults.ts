/**
 * The faults that the oracle puts into a running job. Kills in the short phases of a checkpoint hit them by failpoints; others
 * come at any moment.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../../src/shared/failpoint.ts';
import { waitFor } from '../harness/real-cluster.ts';
import { type ChaosCluster, signal, smallDiskBytes } from './chaos-cluster.ts';
import type { Armed, Hit } from './failpoints.ts';
import type { Seeded } from './seeded.ts';

export const phases = [
  'before the first checkpoint',
  'alignment',
  'asynchronous part',
  'between metadata and notification',
  'between pre-commit and commit',
  'restore',
  'failover',
] as const;
export type Phase = (typeof phases)[number];

export const otherFaults = [
  'kill a TaskManager',
  'kill the JobManager',
  'stop a TaskManager for longer than its heartbeat',
  'stop the JobManager for longer than its lease',
  'stall the JobManager in a completion for longer than its lease',
  'stall a slot',
  'checkpoint directory fails',
  'checkpoint directory is full',
  'checkpoint directory is slow',
  'disk is full',
] as const;
export type OtherFault = (typeof otherFaults)[number];

export type Victim = 'TaskManager' | 'JobManager' | 'slot thread';
interface Site {
  readonly name: Failpoint;
  readonly victims: readonly Victim[];
}

const task: readonly Victim[] = ['TaskManager', 'slot thread'];
const master: readonly Victim[] = ['JobManager'];

const sites: Record<Phase, readonly Site[]> = {
  'before the first checkpoint': [
    { name: 'task.first-snapshot', victims: task },
    { name: 'checkpoint.trigger', victims: master },
  ],
  alignment: [{ name: 'task.alignment', victims: task }],
  'asynchronous part': [
    { name: 'state.publish', victims: task },
    { name: 'task.acknowledge', victims: task },
  ],
  'between metadata and notification': [
    { name: 'checkpoint.published', victims: master },
    { name: 'checkpoint.recorded', victims: master },
  ],
  'between pre-commit and commit': [
    { name: 'sink.commit', victims: task },
    { name: 'file-sink.committed', victims: task },
  ],
  restore: [
    { name: 'task.restore', victims: task },
    { name: 'job.restore', victims: master },
  ],
  failover: [
    { name: 'failover.ended', victims: master },
    { name: 'failover.deploy', victims: master },
    { name: 'task.cancel', victims: ['TaskManager'] },
  ],
};

/** One line of the report. */
export interface Fault {
  readonly what: string;
  readonly phase: Phase | undefined;
  readonly victim: Victim | undefined;
}

export class FaultInjector {
  readonly #chaos: ChaosCluster;
  readonly #random: Seeded;
  readonly faults: Fault[] = [];
  /** Called with each fault when it has struck. */
  readonly #report: (line: string) => void;

  constructor(chaos: ChaosCluster, random: Seeded, report: (line: string) => void) {
    this.#chaos = chaos;
    this.#random = random;
    this.#report = report;
  }

  /** Before the job is submitted. */
  armBeforeFirstCheckpoint(): () => Promise<void> {
    const site = this.#random.pick(sites['before the first checkpoint']);
    const victim = this.#random.pick(site.victims);
    const before = this.#arm(site, victim, this.#random.below(2));
    return () => this.#struck(site, victim, 'before the first checkpoint', before);
  }

  async kill(phase: Exclude<Phase, 'before the first checkpoint'>): Promise<void> {
    const site = this.#random.pick(sites[phase]);
    const victim = this.#random.pick(site.victims);
    const before = this.#arm(site, victim, phase === 'failover' || site.name === 'job.restore' ? 0 : this.#random.below(4));
    // Restores and failovers come after something has failed.
    if (phase === 'restore' || phase === 'failover') await this.#provoke();
    await this.#struck(site, victim, phase, before);
  }

  async other(fault: OtherFault): Promise<void> {
    const chaos = this.#chaos;
    switch (fault) {
      case 'kill a TaskManager':
        await this.#moment();
        return this.#killed(fault, this.#random.pick(chaos.processes('taskmanager')), 'TaskManager');
      case 'kill the JobManager': {
        const { pid, epoch } = await chaos.leaderAfter(0);
        await this.#moment();
        await this.#killed(fault, pid, 'JobManager');
        await chaos.leaderAfter(epoch);
        return;
      }
      case 'stop a TaskManager for longer than its heartbeat':
        return this.#stopTaskManager(fault);
      case 'stop the JobManager for longer than its lease':
        return this.#stopLeader(fault);
      case 'stall the JobManager in a completion for longer than its lease':
        return this.#stallLeader(fault);
      case 'stall a slot':
        return this.#fileFault(fault, 'task.alignment', { action: 'stall', ms: 1000 + this.#random.below(4000) }, 1);
      case 'checkpoint directory fails':
        return this.#fileFault(fault, this.#random.pick(writing), this.#fails('EIO'), 3);
      case 'checkpoint directory is full':
        return this.#fileFault(fault, this.#random.pick(['file-system.write', 'file-system.sync']), this.#fails('ENOSPC'), 3);
      case 'checkpoint directory is slow':
        return this.#fileFault(fault, this.#random.pick(writing), { ...this.#fails(''), action: 'stall', ms: 700 }, 3);
      case 'disk is full':
        return this.#fillDisk(fault);
    }
  }

  #fails(code: string): Armed {
    return { action: 'throw', code, match: `${this.#chaos.checkpoints}/`, stays: true };
  }

  /** Returns where it had struck before. */
  #arm({ name }: Site, victim: Victim, skip: number): ReadonlySet<string> {
    const before = new Set(this.#chaos.failpoints.hits(name).map(({ file }) => file));
    this.#chaos.failpoints.arm(name, { action: victim === 'slot thread' ? 'kill-thread' : 'kill', skip });
    return before;
  }

  async #struck({ name }: Site, victim: Victim, phase: Phase, before: ReadonlySet<string>): Promise<void> {
    const { failpoints } = this.#chaos;
    const found = (): Hit | undefined => failpoints.hits(name).find(({ file }) => !before.has(file));
    await waitFor(
      `the ${victim} to be killed at ${name}`,
      () => found() !== undefined,
      () => this.#chaos.logs(),
    );
    this.#note({ what: `kill at ${name}`, phase, victim });
    const hit = found();
    if (victim !== 'slot thread' && hit) await waitFor(`process ${hit.pid} to be gone`, () => !existsSync(`/proc/${hit.pid}/exe`));
    await this.#chaos.replaceDead();
  }

  async #killed(what: string, pid: number, victim: Victim): Promise<void> {
    this.#note({ what, phase: undefined, victim });
    await this.#chaos.kill(pid);
  }

  /** Makes something fail that restarts tasks. */
  async #provoke(): Promise<void> {
    this.#chaos.failpoints.arm('state.publish', { action: 'kill-thread' });
  }

  async #stopTaskManager(what: string): Promise<void> {
    const chaos = this.#chaos;
    const pid = this.#random.pick(chaos.processes('taskmanager'));
    await this.#moment();
    this.#note({ what, phase: undefined, victim: undefined });
    signal(pid, 'SIGSTOP');
    await waitFor(
      'the silence of a TaskManager to be noticed',
      async () => {
        const found = await chaos.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers');
        return found !== undefined && !found.taskmanagers.some(({ id }) => id.includes(`:${pid}-`));
      },
      () => chaos.logs(),
    );
    await this.#moment();
    signal(pid, 'SIGCONT');
  }

  async #stopLeader(what: string): Promise<void> {
    const chaos = this.#chaos;
    const { pid, epoch } = await chaos.leaderAfter(0);
    await this.#moment();
    this.#note({ what, phase: undefined, victim: undefined });
    signal(pid, 'SIGSTOP');
    await chaos.leaderAfter(epoch);
    await this.#moment();
    signal(pid, 'SIGCONT');
  }

  /** It wakes up in the middle of a completion that is another leader's business by then. */
  async #stallLeader(what: string): Promise<void> {
    const { epoch } = await this.#chaos.leaderAfter(0);
    const name = this.#random.pick(['checkpoint.published', 'leadership.written', 'checkpoint.recorded'] as const);
    const ofCheckpoint = name === 'leadership.written' ? { match: '-0000000' } : {};
    this.#chaos.failpoints.arm(name, { action: 'stall', ms: 5000, ...ofCheckpoint });
    await this.#chaos.leaderAfter(epoch);
    this.#chaos.failpoints.disarm(name);
    this.#note({ what: `${what}: ${name}`, phase: undefined, victim: undefined });
  }

  async #fileFault(what: string, name: Failpoint, armed: Armed, strikes: number): Promise<void> {
    const { failpoints } = this.#chaos;
    const before = failpoints.hits(name).length;
    failpoints.arm(name, armed);
    await waitFor(
      `${strikes} strikes at ${name}`,
      () => failpoints.hits(name).length >= before + strikes,
      () => this.#chaos.logs(),
    );
    failpoints.disarm(name);
    this.#note({ what: `${what}: ${name}`, phase: undefined, victim: undefined });
  }

  /** For real, on a small file system of its own. */
  async #fillDisk(what: string): Promise<void> {
    const chaos = this.#chaos;
    if (!chaos.isSmallDisk) {
      this.#report(`${what}: left out, because nothing can be mounted here`);
      return;
    }
    const filler = join(chaos.checkpoints, 'filler');
    const noSpace = (): number => chaos.cluster.logFile(/\.log/).match(/ENOSPC/g)?.length ?? 0;
    const before = noSpace();
    try {
      writeFileSync(filler, Buffer.alloc(smallDiskBytes));
    } catch {
      // That is the purpose.
    }
    await waitFor(
      'a checkpoint to meet the full disk',
      () => noSpace() > before,
      () => chaos.logs(),
    );
    rmSync(filler);
    this.#note({ what, phase: undefined, victim: undefined });
  }

  /** Up to a second of anything. */
  async #moment(): Promise<void> {
    await sleep(this.#random.below(1000));
  }

  #note(fault: Fault): void {
    this.faults.push(fault);
    this.#report(`${fault.what}${fault.victim ? ` (${fault.victim})` : ''}`);
  }
}

const writing: readonly Failpoint[] = [
  'file-system.make-directory',
  'file-system.create',
  'file-system.write',
  'file-system.sync',
  'file-system.rename',
];
