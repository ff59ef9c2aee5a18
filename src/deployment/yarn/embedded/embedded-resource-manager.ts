/**
 * The resource manager of one machine: takes applications, starts their masters, grants and watches containers, starts a
 * failed master again, and remembers how everything ended. It speaks YARN's protocols; its one node is this machine.
 */
import { ExternalError, UserError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../../shared/time.ts';
import { applicationId, applicationOf } from '../protocol/ids.ts';
import type { AllocateResponse, YarnProtocols } from '../protocol/protocols.ts';
import {
  type ApplicationId,
  type ApplicationReport,
  type ApplicationState,
  type ApplicationSubmission,
  type AttemptId,
  type AttemptReport,
  type ClusterLimits,
  type Container,
  type ContainerId,
  type ContainerLaunchContext,
  type ContainerReport,
  type ContainerStatus,
  exitStatus,
  type FinalStatus,
  isTerminal,
  type NodeReport,
  type QueueReport,
  type Resource,
  type ResourceRequest,
} from '../protocol/records.ts';
import { type ApplicationRecord, ApplicationRecords } from './application-records.ts';
import { nextInLine, rounded } from './capacity-scheduler.ts';
import { type Attempt, type HeldContainer, ManagedApplication, plain } from './managed-application.ts';
import { NodeManager } from './node-manager.ts';
import { logDirectory, type YarnPlace } from './place.ts';
import type { YarnSettings } from './settings.ts';

export interface EmbeddedResourceManagerOptions {
  readonly place: YarnPlace;
  readonly settings: YarnSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly baseEnvironment: Readonly<Record<string, string>>;
}

/** An application master that has said goodbye has this long to end. */
const goodbyePatienceMs = 15_000;
const upkeepEveryMs = 60_000;
const closePatienceMs = 5000;

export class EmbeddedResourceManager implements YarnProtocols {
  readonly #options: EmbeddedResourceManagerOptions;
  readonly #clusterTimestamp: number;
  readonly #records: ApplicationRecords;
  readonly #node: NodeManager;
  readonly #applications = new Map<ApplicationId, ManagedApplication>();
  /** Those of earlier resource managers, and those that are over. */
  readonly #past = new Map<ApplicationId, ApplicationRecord>();
  #numbers = 0;
  #sequence = 0;
  #closing = false;
  #stopUpkeep: () => void = () => {};
  /** When the last application ended, or this resource manager began. */
  #idleSince: number;

  constructor(options: EmbeddedResourceManagerOptions) {
    const { place, settings, clock, log, baseEnvironment } = options;
    this.#options = options;
    this.#clusterTimestamp = clock.now();
    this.#idleSince = clock.now();
    this.#records = new ApplicationRecords(place, log);
    this.#node = new NodeManager({
      place,
      settings,
      clock,
      log: log.of('NodeManager'),
      baseEnvironment,
      completed: (status) => this.#containerCompleted(status),
    });
    this.#recover();
    this.#keepUp();
  }

  /** How long nothing has run; 0 while something does. */
  get idleMs(): number {
    return this.#applications.size > 0 ? 0 : this.#options.clock.now() - this.#idleSince;
  }

  async getNewApplication(): Promise<{ applicationId: ApplicationId } & ClusterLimits> {
    return { applicationId: applicationId(this.#clusterTimestamp, ++this.#numbers), ...this.#limits() };
  }

  async submitApplication(submission: ApplicationSubmission): Promise<void> {
    const { clock, log, settings } = this.#options;
    const { applicationId: id, queue, resource, user, name } = submission;
    if (this.#applications.has(id) || this.#past.has(id)) return;
    const application = new ManagedApplication(submission, this.#sequence++, clock.now());
    this.#applications.set(id, application);
    log.info(`Application ${id} '${name}' was submitted by ${user} to queue ${queue}, priority ${submission.priority}.`);
    const queues = settings.queues.map((known) => known.name);
    if (!queues.includes(queue.replace(/^root\./, ''))) {
      const known = `Its queues are: ${queues.join(', ')} (flink.yarn.scheduler.capacity.root.queues).`;
      this.#end(application, 'FAILED', 'FAILED', `Application ${id} submitted by user ${user} to unknown queue: ${queue}. ${known}`);
      return;
    }
    const tooLarge = this.#refusal(resource);
    if (tooLarge !== undefined) {
      this.#end(application, 'FAILED', 'FAILED', tooLarge);
      return;
    }
    application.beginAttempt();
    this.#record(application);
    this.#schedule();
  }

  async getApplicationReport(id: ApplicationId): Promise<ApplicationReport | undefined> {
    return this.#applications.get(id)?.report(this.#options.clock.now()) ?? this.#past.get(id)?.report;
  }

  async getApplications(): Promise<ApplicationReport[]> {
    const now = this.#options.clock.now();
    return [
      ...[...this.#past.values()].map(({ report }) => report).filter(({ applicationId: id }) => !this.#applications.has(id)),
      ...[...this.#applications.values()].map((application) => application.report(now)),
    ];
  }

  async getApplicationAttempts(id: ApplicationId): Promise<AttemptReport[]> {
    return this.#applications.get(id)?.attemptReports() ?? [...(this.#past.get(id)?.attempts ?? [])];
  }

  async getContainers(id: ApplicationId): Promise<ContainerReport[]> {
    return [...(this.#applications.get(id)?.containers.values() ?? [])].map(({ containerId, resource, grantedAt, startedAt, nodeId }) => ({
      containerId,
      resource,
      startTime: startedAt ?? grantedAt,
      nodeId,
      logDirectory: logDirectory(this.#options.place, id, containerId),
    }));
  }

  async forceKillApplication(id: ApplicationId, diagnostics?: string): Promise<boolean> {
    const application = this.#applications.get(id);
    if (!application) {
      if (this.#past.has(id)) return true;
      throw unknownApplication(id);
    }
    if (application.killed === undefined) {
      application.killed = diagnostics ?? `Application ${id} was killed by user ${application.submission.user}.`;
      this.#options.log.info(`Application ${id} is killed: ${application.killed}`);
      this.#endAttempt(application, exitStatus.afterApplication, 'KILLED');
    }
    return application.isOver;
  }

  async getClusterNodes(): Promise<NodeReport[]> {
    const containers = this.#allContainers();
    return [
      {
        nodeId: this.#node.nodeId,
        httpAddress: this.#node.nodeId,
        state: 'RUNNING',
        capability: this.#options.settings.node,
        used: total(containers),
        containers: containers.length,
        healthReport: '',
      },
    ];
  }

  async getQueues(): Promise<QueueReport[]> {
    const { queues, node } = this.#options.settings;
    const used = this.#usedByQueue();
    return queues.map(({ name, capacity, maximumCapacity }) => ({
      name,
      capacity,
      maximumCapacity,
      currentCapacity: (used.get(name)?.memoryMb ?? 0) / Math.max(1, capacity * node.memoryMb),
      applications: [...this.#applications.values()].filter((application) => queueOf(application) === name).length,
    }));
  }

  async getLogDirectories(id: ApplicationId): Promise<{ containerId: ContainerId; nodeId: string; directory: string }[]> {
    return this.#records.logDirectories(id).map((logs) => ({ ...logs, nodeId: this.#node.nodeId }));
  }

  async registerApplicationMaster(request: {
    attemptId: AttemptId;
    host: string;
    rpcPort: number;
    trackingUrl: string;
  }): Promise<{ previousContainers: Container[] } & ClusterLimits> {
    const { application, attempt } = this.#current(request.attemptId);
    const { host, rpcPort, trackingUrl } = request;
    attempt.address = { host, rpcPort, trackingUrl };
    attempt.state = 'RUNNING';
    attempt.lastHeartbeat = this.#options.clock.monotonic();
    application.state = 'RUNNING';
    application.diagnostics = '';
    this.#options.log.info(`The application master of ${attempt.id} has registered: ${trackingUrl}`);
    this.#record(application);
    const previous = [...application.containers.values()].filter(({ isMaster, attempt: number }) => !isMaster && number < attempt.number);
    return { previousContainers: previous.map(plain), ...this.#limits() };
  }

  async allocate(request: {
    attemptId: AttemptId;
    responseId: number;
    progress: number;
    asks: readonly ResourceRequest[];
    releases: readonly ContainerId[];
  }): Promise<AllocateResponse> {
    const { application, attempt } = this.#current(request.attemptId);
    attempt.lastHeartbeat = this.#options.clock.monotonic();
    application.progress = request.progress;
    for (const ask of request.asks) {
      const tooLarge = this.#refusal(ask.resource);
      if (tooLarge !== undefined) throw new UserError('INVALID_RESOURCE_REQUEST', { problem: tooLarge });
      attempt.asks.set(ask.priority, ask);
    }
    for (const containerId of request.releases) this.#release(application, containerId, 'Container released by application');
    this.#schedule();
    const { allocated, completed } = attempt;
    attempt.allocated = [];
    attempt.completed = [];
    attempt.responseId++;
    return { responseId: attempt.responseId, allocated, completed };
  }

  async finishApplicationMaster(request: { attemptId: AttemptId; finalStatus: FinalStatus; diagnostics: string }): Promise<void> {
    const { application, attempt } = this.#current(request.attemptId);
    const { finalStatus, diagnostics } = request;
    attempt.goodbye = { finalStatus, diagnostics };
    this.#options.log.info(`The application master of ${attempt.id} has unregistered: ${finalStatus}.`);
    this.#options.clock.schedule(goodbyePatienceMs, () => {
      if (!application.isOver && attempt.masterContainer !== undefined)
        this.#node.stop(attempt.masterContainer, exitStatus.afterApplication, 'It did not end after it had unregistered.');
    });
  }

  async startContainer(attempt: AttemptId, containerId: ContainerId, launch: ContainerLaunchContext): Promise<void> {
    const { application } = this.#current(attempt);
    const container = application.containers.get(containerId);
    if (!container || container.startedAt !== undefined)
      throw new ExternalError('INVALID_CONTAINER', { problem: `${containerId} is not there to be started.`, retriable: false });
    this.#launch(application, container, launch);
  }

  async stopContainer(attempt: AttemptId, containerId: ContainerId): Promise<void> {
    this.#release(this.#current(attempt).application, containerId, 'Container killed by the ApplicationMaster.');
  }

  /** Ends all applications; with recovery the next resource manager starts them again. */
  async close(): Promise<void> {
    const { clock, settings } = this.#options;
    this.#stopUpkeep();
    if (!settings.recovers) {
      const giveUpAt = clock.monotonic() + closePatienceMs;
      for (const id of this.#applications.keys()) await this.forceKillApplication(id, 'The resource manager was stopped.');
      while (this.#applications.size > 0 && clock.monotonic() < giveUpAt) await new Promise((resume) => setTimeout(resume, 10));
    }
    this.#closing = true;
    await this.#node.close();
  }

  #limits(): ClusterLimits {
    const { minimum, maximum } = this.#options.settings;
    return { minimum, maximum };
  }

  /** YARN's words for a container that no node could hold. */
  #refusal({ memoryMb, vcores }: Resource): string | undefined {
    const { maximum } = this.#options.settings;
    const [what, asked, most] =
      memoryMb > maximum.memoryMb ? (['memory-mb', memoryMb, maximum.memoryMb] as const) : (['vcores', vcores, maximum.vcores] as const);
    if (asked <= most) return undefined;
    return `Invalid resource request! Cannot allocate containers as requested resource is greater than maximum allowed allocation. Requested resource type=[${what}], Requested resource=<memory:${memoryMb}, vCores:${vcores}>, maximum allowed allocation=<memory:${maximum.memoryMb}, vCores:${maximum.vcores}>`;
  }

  #current(id: AttemptId): { application: ManagedApplication; attempt: Attempt } {
    const application = this.#applications.get(applicationOf(id));
    const attempt = application?.attempt;
    if (application && attempt?.id === id && (attempt.state === 'LAUNCHED' || attempt.state === 'RUNNING')) return { application, attempt };
    throw new ExternalError('APPLICATION_ATTEMPT_NOT_FOUND', {
      problem: `Application attempt ${id} doesn't exist in ApplicationMasterService cache.`,
      retriable: false,
    });
  }

  #allContainers(): HeldContainer[] {
    return [...this.#applications.values()].flatMap(({ containers }) => [...containers.values()]);
  }

  #usedByQueue(): Map<string, Resource> {
    const byQueue = Map.groupBy(this.#applications.values(), queueOf);
    return new Map([...byQueue].map(([queue, members]) => [queue, total(members.flatMap(({ containers }) => [...containers.values()]))]));
  }

  #schedule(): void {
    const { settings, clock } = this.#options;
    if (this.#closing) return;
    for (;;) {
      const demands = [...this.#applications.values()].flatMap((application) => {
        const { next } = application;
        if (!next) return [];
        const { priority } = application.submission;
        return [
          {
            applicationId: application.id,
            queue: queueOf(application),
            priority,
            sequence: application.sequence,
            next: rounded(next.resource, settings),
          },
        ];
      });
      const first = nextInLine(settings, this.#usedByQueue(), demands);
      if (!first) {
        this.#tellWaitingMasters();
        return;
      }
      const application = this.#applications.get(first.applicationId) as ManagedApplication;
      const container = application.grant(first.next, this.#node.nodeId, clock.now());
      if (container.isMaster) this.#launchMaster(application, container);
    }
  }

  /** Whoever asks for the report hears what the application waits for. */
  #tellWaitingMasters(): void {
    const { node } = this.#options.settings;
    const free = node.memoryMb - total(this.#allContainers()).memoryMb;
    for (const application of this.#applications.values()) {
      if (application.next?.isMaster !== true) continue;
      const { memoryMb } = rounded(application.submission.resource, this.#options.settings);
      application.diagnostics = `Application is added to the scheduler and is not yet activated. The application master waits for ${memoryMb} MB in queue ${queueOf(application)}; ${free} MB of ${node.memoryMb} MB are free.`;
    }
  }

  #launchMaster(application: ManagedApplication, container: HeldContainer): void {
    const attempt = application.attempt as Attempt;
    attempt.state = 'LAUNCHED';
    attempt.lastHeartbeat = this.#options.clock.monotonic();
    application.diagnostics = 'AM container is launched, waiting for AM container to Register with RM';
    this.#record(application);
    const { applicationMaster: launch } = application.submission;
    this.#launch(application, container, {
      ...launch,
      environment: {
        ...launch.environment,
        APPLICATION_WEB_PROXY_BASE: `/proxy/${application.id}`,
        APP_SUBMIT_TIME_ENV: String(application.startTime),
        MAX_APP_ATTEMPTS: String(this.#maxAttempts(application)),
      },
    });
  }

  #launch(application: ManagedApplication, container: HeldContainer, launch: ContainerLaunchContext): void {
    container.startedAt = this.#options.clock.now();
    const { containerId, resource } = container;
    void this.#node.start({ applicationId: application.id, containerId, resource, launch });
  }

  #release(application: ManagedApplication, containerId: ContainerId, diagnostics: string): void {
    const container = application.containers.get(containerId);
    if (!container || container.isMaster) return;
    if (container.startedAt !== undefined) this.#node.stop(containerId, exitStatus.aborted, diagnostics);
    else this.#containerCompleted({ containerId, exitStatus: exitStatus.aborted, diagnostics });
  }

  #containerCompleted(status: ContainerStatus): void {
    const application = this.#applications.get(applicationOf(status.containerId));
    const container = application?.containers.get(status.containerId);
    if (!application || !container || this.#closing) return;
    application.drop(container, this.#options.clock.now());
    const { attempt } = application;
    if (container.isMaster) this.#masterCompleted(application, attempt as Attempt, status);
    else attempt?.completed.push(status);
    if (application.isOver) this.#endWhenEmpty(application);
    this.#schedule();
  }

  #masterCompleted(application: ManagedApplication, attempt: Attempt, status: ContainerStatus): void {
    const { clock } = this.#options;
    if (application.killed !== undefined) {
      attempt.state = 'KILLED';
      this.#end(application, 'KILLED', 'KILLED', application.killed);
      return;
    }
    if (attempt.goodbye) {
      attempt.state = 'FINISHED';
      this.#end(application, 'FINISHED', attempt.goodbye.finalStatus, attempt.goodbye.diagnostics);
      return;
    }
    attempt.state = 'FAILED';
    application.failures.push(clock.now());
    const failures = application.recentFailures(clock.now());
    const most = this.#maxAttempts(application);
    const reason = [
      `AM Container for ${attempt.id} exited with  exitCode: ${status.exitStatus}`,
      `Failing this attempt.Diagnostics: ${status.diagnostics}`,
      `For more detailed output, see: yarn logs -applicationId ${application.id} -containerId ${status.containerId}`,
    ].join('\n');
    this.#options.log.warn(reason);
    if (failures >= most) {
      const times = `Application ${application.id} failed ${failures} times`;
      const within =
        application.submission.attemptFailuresValidityIntervalMs > 0 && most > 1
          ? ` in previous ${application.submission.attemptFailuresValidityIntervalMs} milliseconds`
          : '';
      this.#end(application, 'FAILED', 'FAILED', `${times}${within} due to ${reason}\n. Failing the application.`);
      return;
    }
    application.diagnostics = reason;
    if (!application.submission.keepContainers) this.#stopAll(application, 'The application master failed.');
    const next = application.beginAttempt();
    this.#options.log.info(`Application ${application.id} is started again as ${next.id}.`);
    this.#record(application);
  }

  #maxAttempts({ submission }: ManagedApplication): number {
    return Math.max(1, Math.min(submission.maxAttempts, this.#options.settings.maxAttempts));
  }

  /** Ends the master, if there is one: what follows depends on why. */
  #endAttempt(application: ManagedApplication, status: number, state: 'KILLED'): void {
    const { attempt } = application;
    const container = attempt?.masterContainer === undefined ? undefined : application.containers.get(attempt.masterContainer);
    if (container) {
      this.#node.stop(container.containerId, status, application.killed ?? '');
      return;
    }
    if (attempt) attempt.state = state;
    this.#end(application, state, 'KILLED', application.killed ?? '');
  }

  #end(application: ManagedApplication, state: ApplicationState, finalStatus: FinalStatus, diagnostics: string): void {
    const { clock, log } = this.#options;
    application.state = state;
    application.finalStatus = finalStatus;
    application.diagnostics = diagnostics;
    application.finishTime = clock.now();
    log.info(`Application ${application.id} has ended: ${state}, ${finalStatus}.${diagnostics === '' ? '' : ` ${diagnostics}`}`);
    this.#record(application);
    this.#stopAll(application, 'Container killed on application-finish.');
    this.#endWhenEmpty(application);
    this.#schedule();
  }

  #stopAll(application: ManagedApplication, diagnostics: string): void {
    for (const { containerId, isMaster } of [...application.containers.values()])
      if (!isMaster) this.#release(application, containerId, diagnostics);
  }

  /** The last container of an application that is over has gone. */
  #endWhenEmpty(application: ManagedApplication): void {
    const { clock, settings } = this.#options;
    if (application.containers.size > 0 || !this.#applications.has(application.id)) return;
    this.#record(application);
    this.#applications.delete(application.id);
    this.#idleSince = clock.now();
    this.#records.removeStaged(application.submission);
    if (settings.deleteDelayMs > 0) clock.schedule(settings.deleteDelayMs, () => this.#records.removeFiles(application.id));
    else this.#records.removeFiles(application.id);
    this.#forgetOldest();
  }

  #record(application: ManagedApplication): void {
    const record = {
      submission: application.submission,
      report: application.report(this.#options.clock.now()),
      attempts: application.attemptReports(),
    };
    this.#records.put(record);
    if (application.isOver) this.#past.set(application.id, record);
  }

  #forgetOldest(): void {
    for (const id of this.#past.keys()) {
      if (this.#past.size <= this.#options.settings.keptApplications) return;
      this.#past.delete(id);
      this.#records.forget(id);
    }
  }

  /** What an earlier resource manager left. Its containers died with it. */
  #recover(): void {
    const { settings, log } = this.#options;
    for (const record of this.#records.load()) {
      const { submission, report, attempts } = record;
      const { applicationId: id } = submission;
      if (isTerminal(report.state)) {
        this.#past.set(id, record);
        this.#records.removeFiles(id);
        continue;
      }
      this.#records.removeFiles(id);
      const application = new ManagedApplication(submission, this.#sequence++, report.startTime);
      this.#applications.set(id, application);
      if (settings.recovers) {
        log.info(`Application ${id} is recovered.`);
        application.beginAttempt(attempts.length + 1);
        this.#record(application);
      } else {
        const how = 'flink.yarn.resourcemanager.recovery.enabled: true starts such applications again.';
        this.#end(application, 'FAILED', 'FAILED', `The resource manager was stopped while the application ran. ${how}`);
      }
    }
    this.#forgetOldest();
    this.#schedule();
  }

  #keepUp(): void {
    const { clock, settings } = this.#options;
    this.#records.removeOldLogs(settings.logRetentionMs, clock.now(), new Set(this.#applications.keys()));
    const every = Math.min(upkeepEveryMs, Math.max(100, settings.masterExpiryMs / 4));
    this.#stopUpkeep = clock.schedule(every, () => {
      this.#expireMasters();
      this.#keepUp();
    });
  }

  #expireMasters(): void {
    const { clock, settings } = this.#options;
    for (const { attempt } of this.#applications.values()) {
      if (!attempt?.masterContainer || attempt.goodbye || (attempt.state !== 'LAUNCHED' && attempt.state !== 'RUNNING')) continue;
      if (clock.monotonic() - attempt.lastHeartbeat <= settings.masterExpiryMs) continue;
      const words = `ApplicationMaster for attempt ${attempt.id} timed out`;
      this.#node.stop(attempt.masterContainer, exitStatus.byResourceManager, words);
    }
  }
}

function queueOf({ submission }: ManagedApplication): string {
  return submission.queue.replace(/^root\./, '');
}

function total(containers: readonly HeldContainer[]): Resource {
  return {
    memoryMb: containers.reduce((sum, { resource }) => sum + resource.memoryMb, 0),
    vcores: containers.reduce((sum, { resource }) => sum + resource.vcores, 0),
  };
}

function unknownApplication(id: ApplicationId): UserError {
  return new UserError('APPLICATION_NOT_FOUND', { problem: `Application with id '${id}' doesn't exist in RM.` });
}
