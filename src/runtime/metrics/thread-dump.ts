/** What a thread does at the moment, in words and with its stack, as Flink shows threads. */
import { type CallFrame, type CpuProfile, isPseudo, stackOf } from './cpu-profile.ts';
import type { SourcePositions } from './source-positions.ts';

export interface ThreadInfo {
  readonly threadName: string;
  readonly stringifiedThreadInfo: string;
}

/** Long enough for a few samples, short enough to be a moment. */
export const dumpSampleMs = 20;

/** `profile` undefined: the thread did not take part. `facts` stand under the name. */
export function threadInfo(
  threadName: string,
  profile: CpuProfile | undefined,
  positions: SourcePositions,
  facts: readonly string[] = [],
): ThreadInfo {
  const stack = profile && lastStack(profile);
  const state = profile === undefined ? 'does not answer: it may be inside a system call' : stateOf(stack?.[0]);
  const lines = [
    `"${threadName}" ${state}`,
    ...facts.map((fact) => `\t${fact}`),
    ...(stack ?? []).filter((frame) => !isPseudo(frame)).map((frame) => `\tat ${frameText(frame, positions)}`),
  ];
  return { threadName, stringifiedThreadInfo: `${lines.join('\n')}\n\n` };
}

export function frameText(frame: CallFrame, positions: SourcePositions): string {
  const name = frame.functionName === '' ? '(anonymous)' : frame.functionName;
  const place = positions.place(frame);
  return place === '' ? name : `${name} (${place})`;
}

/** A thread that profiles itself is not busy with that. */
const profilerUrl = 'node:inspector';

/** Of the newest sample that shows work; of the newest at all when there is none. */
function lastStack(profile: CpuProfile): CallFrame[] {
  const stacks = profile.samples.map((sample) => stackOf(profile, sample)).filter((stack) => !stack.some(({ url }) => url === profilerUrl));
  return stacks.findLast((stack) => stack.length > 0 && !isPseudo(stack[0] as CallFrame)) ?? stacks.at(-1) ?? [];
}

function stateOf(innermost: CallFrame | undefined): string {
  switch (innermost?.functionName) {
    case undefined:
    case '(idle)':
      return 'waits for something to do';
    case '(garbage collector)':
      return 'collects garbage';
    case '(program)':
      return 'runs native code';
    default:
      return 'runs';
  }
}
