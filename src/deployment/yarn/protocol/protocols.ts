/**
 * The three conversations of YARN, with its names. The embedded resource manager speaks all of them now; a Hadoop cluster's
 * will stand behind the same interfaces.
 */
import type {
  ApplicationId,
  ApplicationReport,
  ApplicationSubmission,
  AttemptId,
  AttemptReport,
  ClusterLimits,
  Container,
  ContainerId,
  ContainerLaunchContext,
  ContainerReport,
  ContainerStatus,
  FinalStatus,
  NodeReport,
  QueueReport,
  ResourceRequest,
} from './records.ts';

/** Clients and the resource manager. */
export interface ApplicationClientProtocol {
  getNewApplication(): Promise<{ applicationId: ApplicationId } & ClusterLimits>;
  submitApplication(submission: ApplicationSubmission): Promise<void>;
  /** Undefined when there is no such application. */
  getApplicationReport(applicationId: ApplicationId): Promise<ApplicationReport | undefined>;
  getApplications(): Promise<ApplicationReport[]>;
  getApplicationAttempts(applicationId: ApplicationId): Promise<AttemptReport[]>;
  getContainers(applicationId: ApplicationId): Promise<ContainerReport[]>;
  /** True when it has ended; ask again until then. */
  forceKillApplication(applicationId: ApplicationId, diagnostics?: string): Promise<boolean>;
  getClusterNodes(): Promise<NodeReport[]>;
  getQueues(): Promise<QueueReport[]>;
  /** Directories with the log files of each container, oldest container first. */
  getLogDirectories(applicationId: ApplicationId): Promise<{ containerId: ContainerId; nodeId: string; directory: string }[]>;
}

export interface AllocateResponse {
  readonly responseId: number;
  readonly allocated: readonly Container[];
  readonly completed: readonly ContainerStatus[];
}

/** Application masters and the resource manager. A call of an attempt that is over rejects with ApplicationAttemptNotFound. */
export interface ApplicationMasterProtocol {
  /** Gives the containers that an earlier attempt left. */
  registerApplicationMaster(request: {
    attemptId: AttemptId;
    host: string;
    rpcPort: number;
    trackingUrl: string;
  }): Promise<{ previousContainers: Container[] } & ClusterLimits>;
  /** Also the heartbeat. */
  allocate(request: {
    attemptId: AttemptId;
    responseId: number;
    progress: number;
    asks: readonly ResourceRequest[];
    releases: readonly ContainerId[];
  }): Promise<AllocateResponse>;
  finishApplicationMaster(request: { attemptId: AttemptId; finalStatus: FinalStatus; diagnostics: string }): Promise<void>;
}

/** Application masters and the node of a container. */
export interface ContainerManagementProtocol {
  startContainer(attemptId: AttemptId, containerId: ContainerId, launch: ContainerLaunchContext): Promise<void>;
  stopContainer(attemptId: AttemptId, containerId: ContainerId): Promise<void>;
}

export interface YarnProtocols extends ApplicationClientProtocol, ApplicationMasterProtocol, ContainerManagementProtocol {}
