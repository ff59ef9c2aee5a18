/**
 * What a client puts beside the configuration for an application master: which installation the containers run, what they
 * find in their directories, and what is to be run. One file of the staging directory, `yarn-application.json`.
 */
import { readFileSync } from 'node:fs';
import type { LocalResource } from './protocol/records.ts';

export const stagedApplicationFile = 'yarn-application.json';
/** In the working directory of the application master. */
export const stagedConfigurationFile = 'config.yaml';
export const stagedProgramFile = 'program.tgz';
export const stagedJobGraphFile = 'job.graph';

export const yarnTargets = ['yarn-session', 'yarn-per-job', 'yarn-application'] as const;
export type YarnTarget = (typeof yarnTargets)[number];

export interface StagedApplication {
  readonly target: YarnTarget;
  /** As the containers see it. */
  readonly installation: string;
  readonly stagingDirectory: string;
  /** Of every TaskManager's container. */
  readonly localResources: Readonly<Record<string, LocalResource>>;
  /** With yarn-application: what main gets. */
  readonly program?: { readonly entryClass: string | undefined; readonly args: readonly string[] } | undefined;
  /** The high-availability id is the application's own: nobody else needs what it recorded. */
  readonly ownsClusterId: boolean;
}

export function readStagedApplication(file: string): StagedApplication {
  return JSON.parse(readFileSync(file, 'utf8')) as StagedApplication;
}

export function isYarnTarget(name: string | undefined): name is YarnTarget {
  return (yarnTargets as readonly string[]).includes(name ?? '');
}
