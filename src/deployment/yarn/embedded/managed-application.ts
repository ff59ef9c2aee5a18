/** One application as the resource manager sees it: its state, its attempts, its containers, and what it still wants. */
import { attemptId, containerId } from '../protocol/ids.ts';
import {
  type ApplicationReport,
  type ApplicationState,
  type ApplicationSubmission,
  type AttemptId,
  type AttemptReport,
  type Container,
  type ContainerId,
  type ContainerStatus,
  type FinalStatus,
  isTerminal,
  type Resource,
  type ResourceRequest,
} from '../protocol/records.ts';

export interface HeldContainer extends Container {
  readonly isMaster: boolean;
  readonly attempt: number;
  readonly grantedAt: number;
  startedAt: number | undefined;
}

export interface Attempt {
  readonly number: number;
  readonly id: AttemptId;
  state: AttemptReport['state'];
  masterContainer: ContainerId | undefined;
  address: { readonly host: string; readonly rpcPort: number; readonly trackingUrl: string } | undefined;
  lastHeartbeat: number;
  /** By priority. */
  readonly asks: Map<number, ResourceRequest>;
  /** For its next heartbeat. */
  allocated: Container[];
  completed: ContainerStatus[];
  /** What it said when it unregistered. */
  goodbye: { readonly finalStatus: FinalStatus; readonly diagnostics: string } | undefined;
  responseId: number;
}

export class ManagedApplication {
  readonly submission: ApplicationSubmission;
  readonly sequence: number;
  readonly startTime: number;
  readonly containers = new Map<ContainerId, HeldContainer>();
  readonly attempts: Attempt[] = [];
  state: ApplicationState = 'SUBMITTED';
  finalStatus: FinalStatus = 'UNDEFINED';
  diagnostics = '';
  finishTime = 0;
  memorySeconds = 0;
  vcoreSeconds = 0;
  progress = 0;
  /** Somebody asked for its end, with these words. */
  killed: string | undefined;
  /** When attempts failed that count. */
  failures: number[] = [];
  #containers = 0;

  constructor(submission: ApplicationSubmission, sequence: number, startTime: number) {
    this.submission = submission;
    this.sequence = sequence;
    this.startTime = startTime;
  }

  get id(): string {
    return this.submission.applicationId;
  }

  get isOver(): boolean {
    return isTerminal(this.state);
  }

  get attempt(): Attempt | undefined {
    return this.attempts.at(-1);
  }

  beginAttempt(number = this.attempts.length + 1): Attempt {
    const attempt: Attempt = {
      number,
      id: attemptId(this.id, number),
      state: 'SCHEDULED',
      masterContainer: undefined,
      address: undefined,
      lastHeartbeat: 0,
      asks: new Map(),
      allocated: [],
      completed: [],
      goodbye: undefined,
      responseId: 0,
    };
    this.#containers = 0;
    this.attempts.push(attempt);
    this.state = 'ACCEPTED';
    return attempt;
  }

  /** The container it wants next, as it was asked for; the application master comes first. */
  get next(): { readonly resource: Resource; readonly priority: number; readonly isMaster: boolean } | undefined {
    const { attempt } = this;
    if (!attempt || this.isOver || this.killed !== undefined || attempt.goodbye) return undefined;
    if (attempt.masterContainer === undefined) return { resource: this.submission.resource, priority: 0, isMaster: true };
    const [ask] = [...attempt.asks.values()].filter(({ count }) => count > 0).sort((a, b) => a.priority - b.priority);
    return ask && { resource: ask.resource, priority: ask.priority, isMaster: false };
  }

  /** Grants {@link next}, in this size. */
  grant(resource: Resource, nodeId: string, now: number): HeldContainer {
    const { attempt, next } = this;
    if (!attempt || !next) throw new Error(`${this.id} wants no container`);
    const container: HeldContainer = {
      containerId: containerId(this.id, attempt.number, ++this.#containers),
      nodeId,
      resource,
      priority: next.priority,
      isMaster: next.isMaster,
      attempt: attempt.number,
      grantedAt: now,
      startedAt: undefined,
    };
    this.containers.set(container.containerId, container);
    if (next.isMaster) attempt.masterContainer = container.containerId;
    else {
      const ask = attempt.asks.get(next.priority) as ResourceRequest;
      attempt.asks.set(next.priority, { ...ask, count: ask.count - 1 });
      attempt.allocated.push(plain(container));
    }
    return container;
  }

  /** The container is gone: what it used is counted. */
  drop(container: HeldContainer, now: number): void {
    this.containers.delete(container.containerId);
    const seconds = (now - container.grantedAt) / 1000;
    this.memorySeconds += seconds * container.resource.memoryMb;
    this.vcoreSeconds += seconds * container.resource.vcores;
  }

  /** Failures that still count. */
  recentFailures(now: number): number {
    const { attemptFailuresValidityIntervalMs: interval } = this.submission;
    return this.failures.filter((time) => interval < 0 || now - time <= interval).length;
  }

  report(now: number): ApplicationReport {
    const { attempt, submission } = this;
    const running = [...this.containers.values()].map(({ resource, grantedAt }) => ({ resource, seconds: (now - grantedAt) / 1000 }));
    const address = this.isOver ? undefined : attempt?.address;
    return {
      applicationId: this.id,
      attemptId: attempt?.id ?? attemptId(this.id, 1),
      name: submission.name,
      type: submission.type,
      user: submission.user,
      queue: submission.queue,
      priority: submission.priority,
      tags: submission.tags,
      nodeLabel: submission.nodeLabel,
      state: this.state,
      finalStatus: this.finalStatus,
      progress: this.isOver ? 1 : this.progress,
      host: address?.host,
      rpcPort: address?.rpcPort,
      trackingUrl: address?.trackingUrl,
      diagnostics: this.diagnostics,
      startTime: this.startTime,
      finishTime: this.finishTime,
      memorySeconds: Math.round(this.memorySeconds + running.reduce((sum, { resource, seconds }) => sum + seconds * resource.memoryMb, 0)),
      vcoreSeconds: Math.round(this.vcoreSeconds + running.reduce((sum, { resource, seconds }) => sum + seconds * resource.vcores, 0)),
    };
  }

  attemptReports(): AttemptReport[] {
    return this.attempts.map(({ id, state, masterContainer, address }) => ({
      attemptId: id,
      state,
      masterContainerId: masterContainer,
      trackingUrl: address?.trackingUrl,
    }));
  }
}

export function plain({ containerId: id, nodeId, resource, priority }: HeldContainer): Container {
  return { containerId: id, nodeId, resource, priority };
}
