/**
 * TaskManagers of an application on YARN: containers are asked for as slots are missing, a TaskManager is started in each,
 * and given back when nobody needs it. All talk with the resource manager is in heartbeats, one at a time.
 */
import type { ResourceManagerDriver } from '../../../runtime/resourcemanager/resource-manager.ts';
import type { TaskManagerId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../../shared/time.ts';
import type { ApplicationMasterProtocol, ContainerManagementProtocol } from '../protocol/protocols.ts';
import type { AttemptId, Container, ContainerId, ContainerLaunchContext, ContainerStatus, Resource } from '../protocol/records.ts';

export interface YarnDriverOptions {
  readonly yarn: ApplicationMasterProtocol & ContainerManagementProtocol;
  readonly attemptId: AttemptId;
  readonly clock: Clock;
  readonly log: Logger;
  readonly slotsPerWorker: number;
  readonly mostSlots: number;
  readonly resource: Resource;
  readonly heartbeatMs: number;
  /** While containers are wanted. */
  readonly fastHeartbeatMs: number;
  /** How long a started TaskManager may take to register. */
  readonly registrationTimeoutMs: number;
  /** Failed starts a minute; above it, no container is asked for until the pause is over. */
  readonly mostFailuresPerMinute: number;
  readonly pauseMs: number;
  /** Of the TaskManager in this container. */
  launch(containerId: ContainerId): ContainerLaunchContext;
  /** The resource manager does not know this attempt any more, or cannot be reached. */
  lost(cause: unknown): void;
}

/** TaskManagers are all of one shape, so there is one priority. */
const priority = 1;

export class YarnDriver implements ResourceManagerDriver {
  readonly #options: YarnDriverOptions;
  /** Started, and not registered yet; with what ends their time to register. */
  readonly #starting = new Map<ContainerId, () => void>();
  readonly #registered = new Set<ContainerId>();
  #missingSlots = 0;
  /** Asked for and not granted. */
  #asked = 0;
  /** The number that the resource manager was told last. */
  #told = 0;
  #releases: ContainerId[] = [];
  #responseId = 0;
  #active = false;
  #beating = false;
  #beatAgain = false;
  #cancelBeat: () => void = () => {};
  #recentFailures: number[] = [];
  #pausedUntil = 0;

  constructor(options: YarnDriverOptions) {
    this.#options = options;
  }

  /** The application master is registered; these containers came from its predecessor. */
  begin(previous: readonly Container[]): void {
    const { log } = this.#options;
    this.#active = true;
    for (const { containerId } of previous) {
      const known = this.#registered.has(containerId);
      log.info(`Container ${containerId} is of the previous attempt; its TaskManager ${known ? 'is here already' : 'is expected'}.`);
      if (!known) this.#expect(containerId);
    }
    this.#adjust();
    this.#beatNow();
  }

  requestWorkers(missingSlots: number): void {
    this.#missingSlots = missingSlots;
    this.#adjust();
  }

  workerRegistered(taskManagerId: TaskManagerId): void {
    this.#starting.get(taskManagerId)?.();
    this.#starting.delete(taskManagerId);
    this.#registered.add(taskManagerId);
  }

  workerLost(taskManagerId: TaskManagerId): void {
    this.releaseWorker(taskManagerId);
  }

  releaseWorker(taskManagerId: TaskManagerId): void {
    if (!this.#registered.delete(taskManagerId)) return;
    this.#release(taskManagerId);
  }

  close(): void {
    this.#active = false;
    this.#cancelBeat();
    for (const forget of this.#starting.values()) forget();
  }

  #adjust(): void {
    const { slotsPerWorker, mostSlots, log, clock } = this.#options;
    if (!this.#active) return;
    const needed = Math.ceil(this.#missingSlots / slotsPerWorker);
    const allowed = Math.max(0, Math.floor(mostSlots / slotsPerWorker) - this.#registered.size);
    const wanted = Math.max(0, Math.min(needed, allowed) - this.#starting.size);
    if (needed > allowed && needed > 0)
      log.warn(`${needed} more TaskManager(s) are needed, and ${allowed} are allowed (slotmanager.number-of-slots.max: ${mostSlots}).`);
    const pause = this.#pausedUntil - clock.monotonic();
    if (wanted > this.#asked && pause > 0) {
      this.#options.clock.schedule(pause, () => this.#adjust());
      return;
    }
    if (wanted === this.#asked) return;
    log.info(`${wanted} container(s) are wanted from YARN, ${this.#asked} were; ${this.#missingSlots} slot(s) are missing.`);
    this.#asked = wanted;
    this.#beatNow();
  }

  #release(containerId: ContainerId): void {
    this.#options.log.info(`Container ${containerId} is released.`);
    this.#releases.push(containerId);
    this.#beatNow();
  }

  #beatNow(): void {
    if (this.#beating) this.#beatAgain = true;
    else void this.#beat();
  }

  async #beat(): Promise<void> {
    const { yarn, attemptId, resource, heartbeatMs, fastHeartbeatMs, clock, lost } = this.#options;
    if (!this.#active) return;
    this.#beating = true;
    this.#cancelBeat();
    const releases = this.#releases;
    const asked = this.#asked;
    this.#releases = [];
    this.#beatAgain = false;
    try {
      const { allocated, completed, responseId } = await yarn.allocate({
        attemptId,
        responseId: this.#responseId,
        progress: 1,
        asks: asked === this.#told ? [] : [{ priority, resource, count: asked }],
        releases,
      });
      this.#responseId = responseId;
      // What was granted is no longer asked for, on either side.
      this.#told = asked - allocated.length;
      this.#asked -= allocated.length;
      for (const container of allocated) this.#granted(container);
      for (const status of completed) this.#completed(status);
    } catch (error) {
      if (this.#active) lost(error);
      return;
    } finally {
      this.#beating = false;
    }
    if (this.#beatAgain) return this.#beat();
    this.#cancelBeat = clock.schedule(this.#asked > 0 ? fastHeartbeatMs : heartbeatMs, () => this.#beatNow());
  }

  #granted({ containerId, resource }: Container): void {
    const { yarn, attemptId, log, launch } = this.#options;
    // The need may have gone while the grant was on its way; it may also have been lowered below what was told.
    if (this.#asked < 0) {
      this.#asked++;
      this.#release(containerId);
      return;
    }
    log.info(`Container ${containerId} was granted, with ${resource.memoryMb} MB; a TaskManager is started in it.`);
    this.#expect(containerId);
    yarn.startContainer(attemptId, containerId, launch(containerId)).catch((error: unknown) => {
      log.warn(`The TaskManager in container ${containerId} could not be started.`, error);
      this.#failedToStart(containerId);
      this.#release(containerId);
    });
  }

  #expect(containerId: ContainerId): void {
    const { clock, log, registrationTimeoutMs } = this.#options;
    const forget = clock.schedule(registrationTimeoutMs, () => {
      log.warn(`The TaskManager in container ${containerId} has not registered within ${registrationTimeoutMs} ms.`);
      this.#failedToStart(containerId);
      this.#release(containerId);
    });
    this.#starting.set(containerId, forget);
  }

  #completed({ containerId, exitStatus, diagnostics }: ContainerStatus): void {
    const { log } = this.#options;
    const words = `Container ${containerId} has ended with exit status ${exitStatus}. ${diagnostics}`;
    if (this.#registered.delete(containerId) || this.#starting.has(containerId)) log.warn(words);
    else log.info(words);
    if (this.#starting.has(containerId)) this.#failedToStart(containerId);
    else this.#adjust();
  }

  #failedToStart(containerId: ContainerId): void {
    const { clock, log, mostFailuresPerMinute, pauseMs } = this.#options;
    this.#starting.get(containerId)?.();
    if (!this.#starting.delete(containerId)) return;
    const now = clock.monotonic();
    this.#recentFailures = [...this.#recentFailures.filter((time) => now - time < 60_000), now];
    if (this.#recentFailures.length > mostFailuresPerMinute) {
      log.warn(`${this.#recentFailures.length} TaskManagers failed to start within a minute: there is a pause of ${pauseMs} ms.`);
      this.#pausedUntil = now + pauseMs;
    }
    this.#adjust();
  }
}
