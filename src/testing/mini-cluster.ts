/**
 * A cluster in the process of the test, for whole programs: the engine of a real one on one thread, where a function of the program can
 * reach the test's variables. With a virtual clock, time stands still until the test moves it.
 */
import { installConnectors } from '../api/connector-registry.ts';
import type { DataStream } from '../api/data-stream.ts';
import { type Duration, durationMs } from '../api/duration.ts';
import { StreamExecutionEnvironment } from '../api/stream-execution-environment.ts';
import { Configuration } from '../config/configuration.ts';
import { builtInConnectors } from '../connectors/built-in.ts';
import { MiniCluster as EngineCluster } from '../deployment/local/mini-cluster.ts';
import { sharedClusterExecutor } from '../deployment/local/mini-cluster-executor.ts';
import { UserError } from '../shared/errors.ts';
import { LineLogger } from '../shared/logger.ts';
import { ManualClock } from './manual-clock.ts';

export interface MiniClusterOptions {
  /** 64 if nothing is said: they share one thread. */
  readonly slots?: number;
  /** For all jobs; `getExecutionEnvironment` can add to it. */
  readonly configuration?: Readonly<Record<string, string | number | boolean>>;
  /** `virtual`: processing time stands still until {@link MiniCluster.advanceTime}. */
  readonly clock?: 'system' | 'virtual';
  /** Lines of the engine's log. */
  readonly log?: (line: string) => void;
  /** Where a virtual clock begins, ms. 0 if nothing is said. */
  readonly startTime?: number;
}

/** Turns of the event loop without any work, after which nothing is under way. */
const quietTurns = 8;

/** `await using`, or `beforeAll(cluster.start)` and `afterAll(cluster.close)`, which are `before` and `after` in node:test. */
export class MiniCluster implements AsyncDisposable {
  readonly #options: MiniClusterOptions;
  readonly #clock: ManualClock | undefined;
  #cluster: EngineCluster | undefined;

  constructor(options: MiniClusterOptions = {}) {
    this.#options = options;
    this.#clock = options.clock === 'virtual' ? new ManualClock(options.startTime ?? 0) : undefined;
  }

  static async start(options: MiniClusterOptions = {}): Promise<MiniCluster> {
    const cluster = new MiniCluster(options);
    await cluster.start();
    return cluster;
  }

  readonly start = async (): Promise<void> => {
    this.#cluster ??= await EngineCluster.start({
      config: Configuration.of(this.#configuration()),
      slots: this.#options.slots ?? 64,
      clock: this.#clock,
      log: this.#options.log && new LineLogger('weir', 'INFO', this.#options.log),
    });
  };

  readonly close = async (): Promise<void> => {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    await cluster?.close();
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** An environment whose jobs run on this cluster. */
  getExecutionEnvironment(configuration: Readonly<Record<string, string | number | boolean>> = {}): StreamExecutionEnvironment {
    installConnectors(builtInConnectors);
    const all = Configuration.of({ ...this.#configuration(), ...configuration }).toRecord();
    return StreamExecutionEnvironment.withExecutor(sharedClusterExecutor(this.#running(), all));
  }

  /** What comes out of the stream, from now on and as it comes. A job that restarts may give records again. */
  collect<T>(stream: DataStream<T>): readonly T[] {
    const collected: T[] = [];
    stream.addSink((value: T) => void collected.push(value)).name('Sink: test');
    return collected;
  }

  currentTime(): number {
    return this.#clock?.now() ?? Date.now();
  }

  /** Moves a virtual clock: what is due happens in order, and all that follows from it. */
  async advanceTime(duration: Duration): Promise<void> {
    if (!this.#clock) {
      throw new UserError('NO_VIRTUAL_CLOCK', {
        problem: 'advanceTime() is for clusters with a virtual clock.',
        tryNext: ["new MiniCluster({ clock: 'virtual' })"],
      });
    }
    const until = this.#clock.now() + durationMs(duration, 'advanceTime');
    await this.settled();
    await this.#clock.advanceTo(until, () => this.settled());
  }

  /** Until all tasks run (or have ended) and none has anything to do. What waits for the world outside is not waited for. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; ) {
      await new Promise(setImmediate);
      this.#clock?.runDue();
      quiet = this.#running().isIdle ? quiet + 1 : 0;
    }
  }

  /** All tasks fail now, as if their process had died: what happens then is up to the restart strategy. */
  failAllTasks(message = 'The test let all tasks fail.'): void {
    this.#running().failTasks(new Error(message));
  }

  #configuration(): Record<string, string> {
    const own = Object.fromEntries(Object.entries(this.#options.configuration ?? {}).map(([key, value]) => [key, String(value)]));
    // Buffers that wait for time to pass would wait for the test.
    return this.#clock ? { 'execution.buffer-timeout.interval': '0 ms', ...own } : own;
  }

  #running(): EngineCluster {
    if (this.#cluster) return this.#cluster;
    throw new UserError('CLUSTER_NOT_RUNNING', {
      problem: 'The MiniCluster was not started, or is closed.',
      tryNext: ['await cluster.start(), or beforeAll(cluster.start).'],
    });
  }
}
