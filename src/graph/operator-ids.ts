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

/** Throws UserError('DUPLICATE_UID'). */
export function assignOperatorIds(nodes: readonly IdentifiedNode[]): Map<number, OperatorId> {
  const ids = new Map<number, OperatorId>();
  const taken = new Map<OperatorId, IdentifiedNode>();
  const waiting = [...nodes].filter((node) => node.inputs.length === 0).sort((a, b) => a.id - b.id);
  const queued = new Set(waiting.map((node) => node.id));
  while (waiting.length > 0) {
    const node = waiting.shift() as IdentifiedNode;
    const id = node.uidHash ?? (node.uid === undefined ? structuralId(node, ids) : operatorIdOfUid(node.uid));
    refuseDuplicate(taken.get(id), node);
    taken.set(id, node);
    ids.set(node.id, id);
    for (const next of nodes) {
      if (!queued.has(next.id) && next.inputs.length > 0 && next.inputs.every((input) => ids.has(input))) {
        queued.add(next.id);
        waiting.push(next);
      }
    }
  }
  return ids;
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
