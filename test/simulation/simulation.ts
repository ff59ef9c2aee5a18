/**
 * A whole cluster from a seed: production Dispatcher, JobMaster, checkpoint coordinator, failover, high-availability records,
 * tasks with their barriers, snapshots and state, on simulated processes, time, connections and disk. One seed is one history:
 * it decides the job, the settings, how long everything takes, and what breaks when.
 */
import { Configuration } from '../../src/config/configuration.ts';
import type { JobGraph } from '../../src/graph/job-graph.ts';
import { generateJobGraph } from '../../src/graph/job-graph-generator.ts';
import { generateStreamGraph } from '../../src/graph/stream-graph-generator.ts';
import { registerFileSystem } from '../../src/shared/file-system/file-system.ts';
import { LineLogger } from '../../src/shared/logger.ts';
import { DataPlane } from './world/data-plane.ts';
import { Disk } from './world/disk.ts';
import { Host } from './world/host.ts';
import { JobManager } from './world/job-manager.ts';
import { expectedOutput, recordProgram, summarize } from './world/program.ts';
import { Chance } from './world/random.ts';
import { drawScenario, type Scenario } from './world/scenario.ts';
import { type MessageFaults, TaskManager } from './world/task-manager.ts';
import { VirtualTime } from './world/virtual-time.ts';
import { Watch } from './world/watch.ts';

export interface History {
  readonly seed: number;
  /** What broke, if anything. Empty: all invariants held. */
  readonly violations: readonly string[];
  readonly events: number;
  readonly checkpoints: number;
  /** How often each kind of fault struck. */
  readonly faults: ReadonlyMap<string, number>;
  readonly trace: readonly string[];
}

/** Beyond this a job that still does not end never will. */
const limitMs = 60_000;

const checkpointRecord = /\/records\/\d+\/checkpoint-[0-9a-f]{32}-\d+$/;

export async function simulate(seed: number, options: { readonly trace?: boolean } = {}): Promise<History> {
  const world = new World(seed, options.trace ?? false);
  return world.run();
}

class World {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #scenario: Scenario;
  readonly #time = new VirtualTime();
  readonly #watch: Watch;
  readonly #disk: Disk;
  readonly #dataPlane: DataPlane;
  readonly #messages: MessageFaults = { lossRate: 0, duplicateRate: 0 };
  readonly #taskManagers = new Set<TaskManager>();
  readonly #faults = new Map<string, number>();
  readonly #trace: string[] = [];
  readonly #isTraced: boolean;
  readonly #log: LineLogger;
  readonly #present: { host: Host };
  readonly #jobGraph: JobGraph;
  #hosts = 0;
  #epoch = 0;
  #jobManager: JobManager | undefined;
  #isAccepted = false;
  #breaksNext = false;
  #whenRecorded: (() => void) | undefined;
  #isCalm = false;

  constructor(seed: number, isTraced: boolean) {
    this.#seed = seed;
    this.#isTraced = isTraced;
    this.#chance = new Chance(seed);
    this.#scenario = drawScenario(this.#chance);
    const trace = (text: string): void => this.#note(text);
    this.#watch = new Watch(this.#time, this.#scenario.patienceMs, trace);
    this.#present = { host: this.#host('nobody') };
    this.#disk = new Disk(
      this.#time,
      this.#chance,
      () => this.#present.host,
      (operation, path) => {
        this.#watch.diskChanged(operation, path);
        if (operation === 'rename' && checkpointRecord.test(path)) this.#recorded();
      },
    );
    this.#watch.disk = this.#disk;
    this.#dataPlane = new DataPlane(this.#time, this.#chance);
    this.#log = new LineLogger('', isTraced ? 'INFO' : 'ERROR', (line) => this.#note(line.trimEnd().slice(24)));
    registerFileSystem('simulated', this.#disk);
    this.#jobGraph = this.#translate();
  }

  async run(): Promise<History> {
    const systemImmediate = globalThis.setImmediate;
    const systemRandom = Math.random;
    const unhandled = (error: unknown): void =>
      this.#watch.violated(`unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`);
    process.on('unhandledRejection', unhandled);
    // What the engine does later, it does as part of the process that it runs in.
    globalThis.setImmediate = ((work: () => void) => void this.#present.host.after(0.01, work)) as unknown as typeof setImmediate;
    Math.random = this.#chance.share;
    try {
      this.#startJobManager();
      for (let index = 0; index < this.#scenario.taskManagers; index++) this.#startTaskManager();
      for (const { atMs, strike } of this.#scenario.faults) this.#time.schedule(atMs, () => this.#strike(strike));
      this.#time.schedule(this.#scenario.calmAtMs, () => this.#calmDown());
      const events = await this.#time.pass(limitMs, () => this.#isOver());
      this.#checkEnd();
      return {
        seed: this.#seed,
        violations: this.#watch.violations,
        events,
        checkpoints: this.#watch.recorded.size,
        faults: this.#faults,
        trace: this.#trace,
      };
    } finally {
      globalThis.setImmediate = systemImmediate;
      Math.random = systemRandom;
      process.off('unhandledRejection', unhandled);
    }
  }

  /** A job that cannot be started where it is submitted fails there and then. */
  get #wasRefused(): boolean {
    return this.#watch.committed.length === 0 && this.#scenario.deletionsMayFail && this.#watch.deployments === 0;
  }

  /** The job is over, for good, and all that it left behind has been removed. */
  #isOver(): boolean {
    this.#watch.checkTold();
    if (this.#watch.violations.length > 0) return true;
    const dispatcher = this.#jobManager?.dispatcher;
    return (
      dispatcher !== undefined &&
      this.#isCalm &&
      dispatcher.masters.length === 0 &&
      this.#disk.filesBelow('/ha').every((path) => !path.includes('/job-'))
    );
  }

  #checkEnd(): void {
    const { violations } = this.#watch;
    if (violations.length > 0) return;
    if (!this.#isOver()) {
      this.#watch.violated(`the job did not end within ${limitMs} ms`);
      return;
    }
    if (this.#wasRefused) return;
    const expected = expectedOutput(this.#scenario.program);
    const committed = summarize(this.#watch.committed);
    const missing = difference(expected, committed);
    const surplus = difference(committed, expected);
    if (missing.length > 0)
      this.#watch.violated(`lost: ${missing.slice(0, 5).join('; ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}`);
    if (surplus.length > 0)
      this.#watch.violated(
        `repeated or made up: ${surplus.slice(0, 5).join('; ')}${surplus.length > 5 ? ` and ${surplus.length - 5} more` : ''}`,
      );
    const left = this.#disk.filesBelow('/checkpoints');
    if (left.length > 0 && !this.#scenario.deletionsMayFail) this.#watch.violated(`left behind: ${left.join(', ')}`);
  }

  #translate(): JobGraph {
    const streamGraph = generateStreamGraph(recordProgram(this.#scenario.program, this.#surroundings()));
    return generateJobGraph(streamGraph, {
      restore: undefined,
      program: {
        entryModule: '',
        args: [],
        executeIndex: 0,
        earlierResults: [],
        pinned: { timeMs: 0, randomSeed: '', timeZone: '', workingDirectory: '', environment: {}, once: {}, configuration: {} },
      },
    });
  }

  readonly #replay = async () => generateStreamGraph(recordProgram(this.#scenario.program, this.#surroundings()));

  #surroundings(): Parameters<typeof recordProgram>[1] {
    return {
      transactions: this.#watch,
      rest: (wake) => void this.#present.host.after(this.#chance.duration(0.5, 6), wake),
      burst: () => this.#chance.between(1, 4),
      mayFail: (where) => {
        if (!this.#breaksNext || !this.#chance.happens(0.2)) return;
        this.#breaksNext = false;
        throw new Error(`injected in ${where}`);
      },
      misaligned: (text) => {
        if (this.#scenario.isExactlyOnce) this.#watch.violated(text);
      },
      notified: (checkpointId, isRight) => {
        if (!isRight || !this.#watch.recorded.has(checkpointId))
          this.#watch.violated(`a function is told that checkpoint ${checkpointId} is complete, for the second time or without reason`);
      },
    };
  }

  #host(name: string): Host {
    return new Host(name, this.#time, this.#chance.duration(-20, 20), (host) => {
      this.#present.host = host;
    });
  }

  #startJobManager(): void {
    const epoch = ++this.#epoch;
    const host = this.#host(`jm${epoch}`);
    this.#note(`${host.name} starts`);
    host.after(0, () => {
      this.#watch.leads(epoch);
      const jobManager = new JobManager({
        config: Configuration.of({}),
        time: this.#time,
        chance: this.#chance,
        host,
        disk: this.#disk,
        log: this.#log,
        epoch,
        isCurrent: (other) => other === this.#epoch,
        replay: this.#replay,
      });
      this.#jobManager = jobManager;
      jobManager.start(this.#isAccepted ? undefined : this.#jobGraph).then(
        () => {
          this.#isAccepted = true;
        },
        (error: unknown) => {
          this.#note(`${host.name} gives up: ${String(error)}`);
          this.#killJobManager(jobManager);
        },
      );
    });
  }

  #startTaskManager(): void {
    const host = this.#host(`tm${++this.#hosts}`);
    const taskManager = new TaskManager({
      id: host.name,
      slots: this.#scenario.slotsPerTaskManager,
      host,
      chance: this.#chance,
      faults: this.#messages,
      dataPlane: this.#dataPlane,
      watch: this.#watch,
      replay: this.#replay,
      connect: (found) => this.#jobManager?.connect(found),
    });
    this.#taskManagers.add(taskManager);
    host.after(this.#chance.duration(0, 20), () => void taskManager.start());
  }

  #killJobManager(jobManager: JobManager): void {
    if (jobManager.host.state === 'dead' && jobManager !== this.#jobManager) return;
    jobManager.host.kill();
    for (const session of jobManager.connections) session.close();
    if (jobManager !== this.#jobManager) return;
    this.#jobManager = undefined;
    this.#time.schedule(this.#chance.duration(5, 80), () => this.#startJobManager());
  }

  /** It goes on later, when another one leads, and does not know. */
  #overtakeJobManager(): void {
    const stopped = this.#jobManager;
    if (!stopped) return;
    stopped.host.stop();
    this.#jobManager = undefined;
    this.#time.schedule(this.#chance.duration(5, 100), () => this.#startJobManager());
    this.#time.schedule(this.#chance.duration(5, 300), () => stopped.host.continue());
  }

  /** The record of a checkpoint is there, and its JobManager does not know yet. */
  #recorded(): void {
    const strike = this.#whenRecorded;
    this.#whenRecorded = undefined;
    strike?.();
  }

  #calmDown(): void {
    this.#note('no fault strikes any more');
    this.#isCalm = true;
    this.#breaksNext = false;
    this.#whenRecorded = undefined;
    Object.assign(this.#disk.faults, { errorRate: 0, latencyMs: 2, failsBehindRenamingTo: undefined });
    Object.assign(this.#messages, { lossRate: 0, duplicateRate: 0 });
    for (const taskManager of this.#taskManagers) taskManager.host.continue();
    this.#jobManager?.host.continue();
  }

  #strike(kind: Scenario['faults'][number]['strike']): void {
    if (this.#isCalm) return;
    this.#note(`fault: ${kind}`);
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1);
    const luck = this.#chance;
    const taskManagers = [...this.#taskManagers].filter(({ host }) => host.state === 'up');
    switch (kind) {
      case 'task fails':
        this.#breaksNext = true;
        return;
      case 'TaskManager dies':
      case 'machine loses power': {
        if (taskManagers.length === 0) return;
        const victim = luck.oneOf(taskManagers);
        const { attempts } = victim;
        victim.host.kill();
        if (kind === 'machine loses power') this.#disk.losePower(victim.host);
        this.#taskManagers.delete(victim);
        this.#watch.attemptsLost(attempts);
        victim.connection?.close();
        this.#dataPlane.hostDied(victim.host);
        this.#time.schedule(luck.duration(5, 100), () => this.#startTaskManager());
        return;
      }
      case 'TaskManager stops': {
        if (taskManagers.length === 0) return;
        const { host } = luck.oneOf(taskManagers);
        host.stop();
        this.#time.schedule(luck.duration(5, 500), () => host.continue());
        return;
      }
      case 'JobManager dies':
        if (this.#jobManager) this.#killJobManager(this.#jobManager);
        return;
      case 'JobManager is overtaken':
        this.#overtakeJobManager();
        return;
      case 'JobManager is overtaken while it records':
        this.#whenRecorded = () => this.#overtakeJobManager();
        return;
      case 'JobManager dies while it records':
        this.#whenRecorded = () => this.#jobManager && this.#killJobManager(this.#jobManager);
        return;
      case 'a record fails behind its effect':
        this.#disk.faults.failsBehindRenamingTo = checkpointRecord;
        return;
      case 'disk fails':
        this.#disk.faults.errorRate = luck.oneOf([0.02, 0.1, 0.4, 1]);
        this.#time.schedule(luck.duration(5, 150), () => {
          this.#disk.faults.errorRate = 0;
        });
        return;
      case 'disk is slow':
        this.#disk.faults.latencyMs = luck.oneOf([20, 60, 300]);
        this.#time.schedule(luck.duration(20, 300), () => {
          this.#disk.faults.latencyMs = 2;
        });
        return;
      case 'messages get lost':
        Object.assign(this.#messages, { lossRate: luck.oneOf([0.05, 0.3, 1]), duplicateRate: luck.oneOf([0, 0.2]) });
        this.#time.schedule(luck.duration(20, 300), () => Object.assign(this.#messages, { lossRate: 0, duplicateRate: 0 }));
        return;
      case 'savepoint':
        this.#ask((dispatcher, jobId) => dispatcher.triggerSavepoint(jobId, { directory: 'simulated:/savepoints', cancelJob: false }));
        return;
      case 'checkpoint':
        this.#ask((dispatcher, jobId) => dispatcher.triggerCheckpoint(jobId, { full: luck.happens(0.5) }));
        return;
    }
  }

  #ask(work: (dispatcher: NonNullable<JobManager['dispatcher']>, jobId: string) => Promise<unknown>): void {
    const jobManager = this.#jobManager;
    jobManager?.host.after(0, () => {
      const { dispatcher } = jobManager;
      if (dispatcher && dispatcher.masters.length > 0) work(dispatcher, this.#jobGraph.jobId).catch(() => {});
    });
  }

  #note(text: string): void {
    if (this.#isTraced) this.#trace.push(`${(this.#time.now - 1_700_000_000_000).toFixed(2).padStart(9)}  ${text}`);
  }
}

/** Lines of one that the other has not, counted. */
function difference(one: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of other) counts.set(line, (counts.get(line) ?? 0) + 1);
  return one.filter((line) => {
    const left = counts.get(line) ?? 0;
    if (left > 0) counts.set(line, left - 1);
    return left === 0;
  });
}
