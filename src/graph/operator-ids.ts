/**
 * Operator ids: the hash of the `uid`, or of the operator's place in the graph (Flink's structural hash: number of ids
 * given so far, once for the node and once per chainable output, then the inputs' ids mixed in).
 */

import { UserError } from '../shared/errors.ts';
import type { OperatorId } from '../shared/ids.ts';
import { murmur3x128 } from './murmur3.ts';

export interface IdentifiedNode {
  readonly id: number;
  readonly name: string;
  readonly uid?: string | undefined;
  /** The id itself (`setUidHash`). */
  readonly uidHash?: string | undefined;
  /** Node ids of the inputs, in order. */
  readonly inputs: readonly number[];
  /** How many output edges could be chained. */
  readonly chainableOutputs: number;
}

export function operatorIdOfUid(uid: string): OperatorId {
  return murmur3x128(Buffer.from(uid, 'utf8')).toString('hex');
}

/**
 * In the order of the ids' making, which structural ids depend on: breadth first from the sources; a node that is reached
 * before all its inputs have ids is passed over, and reached again from the next of them. Throws UserError('DUPLICATE_UID').
 */
export function assignOperatorIds(nodes: readonly IdentifiedNode[]): Map<number, OperatorId> {
  const ids = new Map<number, OperatorId>();
  const taken = new Map<OperatorId, IdentifiedNode>();
  const outputs = outputsOf(nodes);
  const waiting = nodes.filter((node) => node.inputs.length === 0).sort((a, b) => a.id - b.id);
  const reached = new Set(waiting.map((node) => node.id));
  for (let node = waiting.shift(); node; node = waiting.shift()) {
    const id = idOf(node, ids);
    if (id === undefined) {
      reached.delete(node.id);
      continue;
    }
    refuseDuplicate(taken.get(id), node);
    taken.set(id, node);
    ids.set(node.id, id);
    for (const next of outputs.get(node.id) ?? []) {
      if (reached.has(next.id)) continue;
      reached.add(next.id);
      waiting.push(next);
    }
  }
  return ids;
}

/** By input, in the order in which the program made the edges. */
function outputsOf(nodes: readonly IdentifiedNode[]): Map<number, IdentifiedNode[]> {
  const outputs = new Map<number, IdentifiedNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const of = outputs.get(input);
      if (of) of.push(node);
      else outputs.set(input, [node]);
    }
  }
  return outputs;
}

/** Undefined while an input has none. */
function idOf(node: IdentifiedNode, ids: ReadonlyMap<number, OperatorId>): OperatorId | undefined {
  if (node.uidHash !== undefined) return node.uidHash;
  if (node.uid !== undefined) return operatorIdOfUid(node.uid);
  return node.inputs.every((input) => ids.has(input)) ? structuralId(node, ids) : undefined;
}

function structuralId(node: IdentifiedNode, ids: ReadonlyMap<number, OperatorId>): OperatorId {
  const words = Buffer.alloc(4 * (1 + node.chainableOutputs));
  for (let i = 0; i < words.length; i += 4) words.writeInt32LE(ids.size, i);
  const hash = murmur3x128(words);
  for (const input of node.inputs) {
    const other = Buffer.from(ids.get(input) as string, 'hex');
    for (let j = 0; j < hash.length; j++) hash[j] = ((hash[j] as number) * 37) ^ (other[j] as number);
  }
  return hash.toString('hex');
}

function refuseDuplicate(former: IdentifiedNode | undefined, node: IdentifiedNode): void {
  const given = node.uidHash ?? node.uid;
  if (!former || given === undefined || (former.uid === undefined && former.uidHash === undefined)) return;
  throw new UserError('DUPLICATE_UID', {
    problem: `Hash collision on user-specified ID "${given}". Most likely cause is a non-unique ID. Please check that all IDs specified via \`uid(String)\` are unique.`,
    found: `Used by '${former.name}' and '${node.name}'.`,
  });
}
