/** The output of `flink list`, line by line as Flink prints it. */
import type { JobRow } from './cluster-client.ts';

export interface JobSections {
  readonly running: boolean;
  readonly scheduled: boolean;
  readonly terminated: boolean;
}

const scheduledStates = new Set(['CREATED', 'INITIALIZING']);
const terminatedStates = new Set(['FINISHED', 'CANCELED', 'FAILED']);
const closingLine = '-'.repeat(62);

export function renderJobList(jobs: readonly JobRow[], sections: JobSections): string[] {
  const sorted = [...jobs].sort(byStartTime);
  const running = sorted.filter((job) => !scheduledStates.has(job.state) && !terminatedStates.has(job.state));
  const lines: string[] = [];
  if (sections.running) {
    lines.push(...section('------------------ Running/Restarting Jobs -------------------', running, 'No running jobs.'));
  }
  if (sections.scheduled) {
    const scheduled = sorted.filter((job) => scheduledStates.has(job.state));
    lines.push(...section('----------------------- Scheduled Jobs -----------------------', scheduled, 'No scheduled jobs.'));
  }
  if (sections.terminated) {
    const terminated = sorted.filter((job) => terminatedStates.has(job.state));
    lines.push(...section('---------------------- Terminated Jobs -----------------------', terminated, undefined));
  }
  return lines;
}

function section(header: string, jobs: readonly JobRow[], empty: string | undefined): string[] {
  if (jobs.length === 0) return empty === undefined ? [] : [empty];
  return [header, ...jobs.map((job) => `${clientTime(job.startTime)} : ${job.jobId} : ${job.name} (${job.state})`), closingLine];
}

/** By start time, then by state name in any case. */
function byStartTime(left: JobRow, right: JobRow): number {
  return left.startTime - right.startTime || left.state.toLowerCase().localeCompare(right.state.toLowerCase());
}

/** `dd.MM.yyyy HH:mm:ss` in the time zone of this machine. */
function clientTime(timestamp: number): string {
  const date = new Date(timestamp);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(date.getDate())}.${two(date.getMonth() + 1)}.${String(date.getFullYear()).padStart(4, '0')}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
