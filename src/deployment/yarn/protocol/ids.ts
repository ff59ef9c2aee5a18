/** Ids in YARN's form. */
import type { ApplicationId, AttemptId, ContainerId } from './records.ts';

export function applicationId(clusterTimestamp: number, number: number): ApplicationId {
  return `application_${clusterTimestamp}_${padded(number, 4)}`;
}

export function attemptId(application: ApplicationId, attempt: number): AttemptId {
  return `appattempt_${suffix(application)}_${padded(attempt, 6)}`;
}

export function containerId(application: ApplicationId, attempt: number, number: number): ContainerId {
  return `container_${suffix(application)}_${padded(attempt, 2)}_${padded(number, 6)}`;
}

export function isApplicationId(text: string): boolean {
  return /^application_\d+_\d{4,}$/.test(text);
}

/** Of an attempt's or a container's id. */
export function applicationOf(id: AttemptId | ContainerId): ApplicationId {
  const [, timestamp, number] = id.split('_');
  return `application_${timestamp}_${number}`;
}

/** The attempt that runs in the application master's container. */
export function attemptOfMaster(container: ContainerId): AttemptId {
  return attemptId(applicationOf(container), Number(container.split('_')[3]));
}

function suffix(application: ApplicationId): string {
  return application.replace(/^application_/, '');
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, '0');
}
