/**
 * Flame graphs: how often each call stack was seen, as a tree. Several tasks share the thread of a slot; a sample belongs to the
 * task whose generated chain is in its stack.
 */
import { type CallFrame, type CpuProfile, isPseudo, stackOf } from './cpu-profile.ts';
import type { SourcePositions } from './source-positions.ts';
import { frameText } from './thread-dump.ts';

export interface FlameGraphNode {
  readonly name: string;
  /** Samples in it and below it. */
  value: number;
  readonly children: FlameGraphNode[];
}

export type FlameGraphKind = 'FULL' | 'ON_CPU' | 'OFF_CPU';

export function emptyFlameGraph(): FlameGraphNode {
  return { name: 'root', value: 0, children: [] };
}

/** Adds a thread's samples. `marks`: what the chain of a wanted task has in its url. */
export function addProfile(
  root: FlameGraphNode,
  profile: CpuProfile,
  kind: FlameGraphKind,
  marks: readonly string[],
  positions: SourcePositions,
): void {
  const counts = Map.groupBy(profile.samples, (sample) => sample);
  for (const [node, samples] of counts) {
    const stack = stackOf(profile, node);
    if (isWanted(stack, kind)) addPath(root, pathOf(stack, marks, positions), samples.length);
  }
}

/** Adds one tree to another of the same root. */
export function mergeFlameGraph(into: FlameGraphNode, from: FlameGraphNode): void {
  into.value += from.value;
  for (const child of from.children) mergeFlameGraph(childNamed(into, child.name), child);
}

function isWanted(stack: readonly CallFrame[], kind: FlameGraphKind): boolean {
  if (kind === 'FULL') return true;
  const isIdle = stack[0] === undefined || stack[0].functionName === '(idle)';
  return isIdle === (kind === 'OFF_CPU');
}

/** Outermost first. */
function pathOf(stack: readonly CallFrame[], marks: readonly string[], positions: SourcePositions): string[] {
  const frames = stack.filter((frame) => !isPseudo(frame));
  if (frames.length === 0) return [stack[0]?.functionName ?? '(idle)'];
  const names = frames.map((frame) => frameText(frame, positions)).reverse();
  if (stack.some(({ url }) => marks.some((mark) => url.includes(mark)))) return names;
  const isOther = stack.some(({ url }) => url.startsWith('weir-chain/'));
  return [isOther ? '(other tasks of the slot)' : '(engine and input)', ...names];
}

function addPath(root: FlameGraphNode, path: readonly string[], count: number): void {
  root.value += count;
  let node = root;
  for (const name of path) {
    node = childNamed(node, name);
    node.value += count;
  }
}

function childNamed(node: FlameGraphNode, name: string): FlameGraphNode {
  let child = node.children.find((each) => each.name === name);
  if (!child) {
    child = { name, value: 0, children: [] };
    node.children.push(child);
  }
  return child;
}
