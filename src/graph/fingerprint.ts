/** The fingerprint of a graph: what must be equal between submission and replay for the functions to fit the plan. */
import { createHash } from 'node:crypto';
import type { OperatorSpec } from '../api/transformation.ts';
import { UserError } from '../shared/errors.ts';
import type { GraphFingerprint } from './job-graph.ts';
import type { StreamGraph, StreamNode } from './stream-graph.ts';

export function fingerprint(graph: StreamGraph): GraphFingerprint {
  const nodes = graph.nodes.map(nodeLine);
  return { hash: sha256(nodes.join('\n')), nodes };
}

/** Throws UserError('GRAPH_MISMATCH') naming the first operator that differs. */
export function requireSameGraph(submitted: GraphFingerprint, replayed: StreamGraph): void {
  const now = fingerprint(replayed);
  if (now.hash === submitted.hash) return;
  const index = now.nodes.findIndex((line, i) => line !== submitted.nodes[i]);
  const at = index < 0 ? now.nodes.length : index;
  throw new UserError('GRAPH_MISMATCH', {
    problem: 'The program built another graph in the worker than it did when it was submitted.',
    found: `First difference: submitted ${describe(submitted.nodes[at])}, in the worker ${describe(now.nodes[at])}.`,
    tryNext: [
      'Make main depend on its arguments and configuration only. What it reads from files, the network or a database goes through env.once(name, fn), which is evaluated once.',
    ],
  });
}

function describe(line: string | undefined): string {
  if (line === undefined) return 'nothing';
  const [id, type, name, uid, , inputs] = JSON.parse(line) as [number, string, string, string, string, string];
  return `operator ${id} '${name}' (${type}${uid ? `, uid ${uid}` : ''}, inputs ${inputs || 'none'})`;
}

function nodeLine(node: StreamNode): string {
  const inputs = node.inputs
    .map((edge) => `${edge.sourceId}:${edge.partitioner.kind}${edge.outputTag ? `:${edge.outputTag}` : ''}`)
    .join(',');
  return JSON.stringify([node.id, node.spec.type, node.name, node.uid ?? '', sha256(sourceOf(node.spec)).slice(0, 16), inputs]);
}

/** Source text of all functions of a specification; two levels deep, which covers one-method objects and classes. */
function sourceOf(spec: OperatorSpec): string {
  return Object.keys(spec)
    .sort()
    .map((key) => `${key}=${functionText(spec[key], 0)}`)
    .join(';');
}

function functionText(value: unknown, depth: number): string {
  if (typeof value === 'function') return Function.prototype.toString.call(value);
  if (typeof value !== 'object' || value === null || depth > 1) return typeof value === 'object' ? '' : String(value);
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  const own = Object.keys(value)
    .filter((key) => typeof (value as Record<string, unknown>)[key] === 'function')
    .map((key) => functionText((value as Record<string, unknown>)[key], depth + 1));
  const type = prototype && prototype !== Object.prototype && !Array.isArray(value) ? functionText(prototype.constructor, depth + 1) : '';
  return [type, ...own].join('|');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
