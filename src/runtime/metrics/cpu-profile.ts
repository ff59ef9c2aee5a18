/**
 * Where a thread spends its time, by V8's sampling profiler. It works on a thread from outside, also on one whose code does not
 * return; only a thread inside a system call does not take part.
 */
import { Session } from 'node:inspector/promises';
import type { Worker } from 'node:worker_threads';
import { within } from '../../shared/time.ts';

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0; -1 where there is none. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly hitCount?: number;
  readonly children?: readonly number[];
}

/** As V8 gives it: a tree of calls, the root first, and the node of each sample. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** Microseconds of a monotonic clock. */
  readonly startTime: number;
  readonly endTime: number;
}

/** How long a thread may take to begin and to end, besides the time that is asked for. */
const answerPatienceMs = 2000;

/** Undefined when the thread does not take part, and before Node.js 22.20 and 24.8. */
export async function profileWorker(worker: Worker, durationMs: number): Promise<CpuProfile | undefined> {
  if (!('startCpuProfile' in worker)) return undefined;
  const profiled = async (): Promise<CpuProfile> => {
    const handle = await worker.startCpuProfile();
    await new Promise((resume) => setTimeout(resume, durationMs));
    return JSON.parse((await handle.stop()) as unknown as string) as CpuProfile;
  };
  return within(
    durationMs + answerPatienceMs,
    profiled().catch(() => undefined),
  );
}

/** Of the calling thread, while it goes on with other things. */
export async function profileThisThread(durationMs: number): Promise<CpuProfile> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await new Promise((resume) => setTimeout(resume, durationMs));
    return (await session.post('Profiler.stop')).profile as unknown as CpuProfile;
  } finally {
    session.disconnect();
  }
}

/** What V8 calls a sample outside all functions. */
export type PseudoFrame = '(root)' | '(program)' | '(idle)' | '(garbage collector)';

export function isPseudo({ functionName, url }: CallFrame): boolean {
  return url === '' && functionName.startsWith('(');
}

/** The innermost call first, without the root. */
export function stackOf(profile: CpuProfile, nodeId: number): CallFrame[] {
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const stack: CallFrame[] = [];
  for (let id: number | undefined = nodeId; id !== undefined; id = parents.get(id)) stack.push(frames.get(id) as CallFrame);
  return stack.slice(0, -1);
}
