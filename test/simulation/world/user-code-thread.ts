/**
 * The production coordinators of a job's sources on a thread of their own: calls are one-way, late and in order, both ways. A
 * reset takes a new thread, as in production: what the old one had to say is heard by nobody.
 */
import type { ReplayableProgram } from '../../../src/program/program.ts';
import type { JobUserCode, JobUserCodeListener } from '../../../src/runtime/rpc/job-user-code.ts';
import { SourceCoordinators } from '../../../src/runtime/source/job-user-code.ts';
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Thread {
  readonly coordinators: SourceCoordinators;
  readonly toThread: (work: () => void) => void;
}

export interface UserCodeThreadOptions {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly host: Host;
  readonly replay: ReplayableProgram['replay'];
}

export class UserCodeThread implements JobUserCode {
  readonly #options: UserCodeThreadOptions;
  readonly #listener: JobUserCodeListener;
  #thread: Thread | undefined;

  constructor(options: UserCodeThreadOptions, listener: JobUserCodeListener) {
    this.#options = options;
    this.#listener = listener;
  }

  start(stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const toMain = this.#lane();
    const heard =
      <A extends unknown[]>(tell: (...args: A) => void) =>
      (...args: A): void =>
        toMain(() => {
          if (this.#thread === thread) tell(...args);
        });
    const thread: Thread = {
      toThread: this.#lane(),
      coordinators: new SourceCoordinators(this.#options, {
        sendEvent: heard((...event: Parameters<JobUserCodeListener['sendEvent']>) => this.#listener.sendEvent(...event)),
        snapshotTaken: heard((...taken: Parameters<JobUserCodeListener['snapshotTaken']>) => this.#listener.snapshotTaken(...taken)),
        snapshotFailed: heard((...failed: Parameters<JobUserCodeListener['snapshotFailed']>) => this.#listener.snapshotFailed(...failed)),
        fail: heard((cause: Parameters<JobUserCodeListener['fail']>[0]) => this.#listener.fail(cause)),
      }),
    };
    this.#thread = thread;
    return new Promise((resolve, reject) => {
      thread.toThread(() => {
        thread.coordinators.start(stored).then(
          () => toMain(resolve),
          (error: unknown) => toMain(() => reject(error as Error)),
        );
      });
    });
  }

  handleEvent(...event: Parameters<JobUserCode['handleEvent']>): void {
    this.#tell((coordinators) => coordinators.handleEvent(...event));
  }

  subtaskFailed(...subtask: Parameters<JobUserCode['subtaskFailed']>): void {
    this.#tell((coordinators) => coordinators.subtaskFailed(...subtask));
  }

  subtaskReset(...subtask: Parameters<JobUserCode['subtaskReset']>): void {
    this.#tell((coordinators) => coordinators.subtaskReset(...subtask));
  }

  snapshot(checkpointId: number): void {
    this.#tell((coordinators) => coordinators.snapshot(checkpointId));
  }

  checkpointCompleted(checkpointId: number): void {
    this.#tell((coordinators) => coordinators.checkpointCompleted(checkpointId));
  }

  async reset(stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await this.close();
    await this.start(stored);
  }

  async close(): Promise<void> {
    this.#thread = undefined;
  }

  #tell(work: (coordinators: SourceCoordinators) => void): void {
    const thread = this.#thread;
    thread?.toThread(() => {
      if (this.#thread === thread) work(thread.coordinators);
    });
  }

  #lane(): (work: () => void) => void {
    const { time, chance, host } = this.#options;
    let lastArrival = 0;
    return (work) => {
      lastArrival = Math.max(lastArrival, time.now + chance.duration(0.01, 4));
      host.after(lastArrival - time.now, work);
    };
  }
}
