/** What clients, application masters and a resource manager of YARN tell each other, in YARN's words. Plain data. */

export interface Resource {
  readonly memoryMb: number;
  readonly vcores: number;
}

/** `application_<cluster timestamp>_<number>`. */
export type ApplicationId = string;
/** `appattempt_<cluster timestamp>_<number>_<attempt>`. */
export type AttemptId = string;
/** `container_<cluster timestamp>_<number>_<attempt>_<container>`. */
export type ContainerId = string;

export const applicationStates = ['NEW', 'NEW_SAVING', 'SUBMITTED', 'ACCEPTED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED'] as const;
export type ApplicationState = (typeof applicationStates)[number];
/** What the application says of itself. */
export type FinalStatus = 'UNDEFINED' | 'SUCCEEDED' | 'FAILED' | 'KILLED';

export interface LocalResource {
  /** An absolute path that the node reaches. */
  readonly source: string;
  /** An archive is unpacked into a directory of the resource's name. */
  readonly type: 'FILE' | 'ARCHIVE';
}

export interface ContainerLaunchContext {
  /** By the name under which each appears in the container's working directory; it may hold `/`. */
  readonly localResources: Readonly<Record<string, LocalResource>>;
  /** `<LOG_DIR>` stands for the container's log directory, here and in the command. */
  readonly environment: Readonly<Record<string, string>>;
  /** One line of shell. */
  readonly command: string;
}

export interface ApplicationSubmission {
  readonly applicationId: ApplicationId;
  readonly name: string;
  readonly type: string;
  readonly user: string;
  readonly queue: string;
  readonly priority: number;
  readonly tags: readonly string[];
  readonly nodeLabel?: string | undefined;
  readonly resource: Resource;
  readonly applicationMaster: ContainerLaunchContext;
  readonly maxAttempts: number;
  /** The other containers go on when the application master fails. */
  readonly keepContainers: boolean;
  /** Failures that are longer ago do not count; -1: all count. */
  readonly attemptFailuresValidityIntervalMs: number;
}

export interface ApplicationReport {
  readonly applicationId: ApplicationId;
  readonly attemptId: AttemptId;
  readonly name: string;
  readonly type: string;
  readonly user: string;
  readonly queue: string;
  readonly priority: number;
  readonly tags: readonly string[];
  readonly nodeLabel?: string | undefined;
  readonly state: ApplicationState;
  readonly finalStatus: FinalStatus;
  /** 0 to 1. */
  readonly progress: number;
  /** Of the application master, once it has registered; a Flink application's RPC port is that of its REST endpoint. */
  readonly host?: string | undefined;
  readonly rpcPort?: number | undefined;
  readonly trackingUrl?: string | undefined;
  readonly diagnostics: string;
  readonly startTime: number;
  /** 0 while it runs. */
  readonly finishTime: number;
  readonly memorySeconds: number;
  readonly vcoreSeconds: number;
}

export interface AttemptReport {
  readonly attemptId: AttemptId;
  readonly state: 'SCHEDULED' | 'LAUNCHED' | 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED';
  readonly masterContainerId?: ContainerId | undefined;
  readonly trackingUrl?: string | undefined;
}

export interface ContainerReport {
  readonly containerId: ContainerId;
  readonly resource: Resource;
  readonly startTime: number;
  readonly nodeId: string;
  readonly logDirectory: string;
}

export interface Container {
  readonly containerId: ContainerId;
  readonly nodeId: string;
  /** As it was granted: rounded up. */
  readonly resource: Resource;
  readonly priority: number;
}

export interface ContainerStatus {
  readonly containerId: ContainerId;
  readonly exitStatus: number;
  readonly diagnostics: string;
}

/** Exit statuses that YARN gives itself. */
export const exitStatus = {
  aborted: -100,
  virtualMemory: -103,
  physicalMemory: -104,
  byApplicationMaster: -105,
  byResourceManager: -106,
  afterApplication: -107,
} as const;

/** All containers of one shape that are still wanted: it replaces what was asked for at this priority before. */
export interface ResourceRequest {
  readonly priority: number;
  readonly resource: Resource;
  readonly count: number;
}

export interface NodeReport {
  readonly nodeId: string;
  readonly httpAddress: string;
  readonly state: 'RUNNING';
  readonly capability: Resource;
  readonly used: Resource;
  readonly containers: number;
  /** Empty when nothing is wrong. */
  readonly healthReport: string;
}

export interface QueueReport {
  readonly name: string;
  /** Shares of the cluster, 0 to 1. */
  readonly capacity: number;
  readonly maximumCapacity: number;
  /** Share of its capacity that is in use; above 1 when it borrows. */
  readonly currentCapacity: number;
  readonly applications: number;
}

export interface ClusterLimits {
  readonly minimum: Resource;
  readonly maximum: Resource;
}

export function isTerminal(state: ApplicationState): boolean {
  return state === 'FINISHED' || state === 'FAILED' || state === 'KILLED';
}
