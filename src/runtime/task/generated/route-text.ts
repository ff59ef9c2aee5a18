/** The choice of a record's subpartition, as code. The routers of record-router.ts do the same. */
import { selectedField } from '../../../api/function-checks.ts';
import type { KeySelectorFn } from '../../../api/functions.ts';
import { operatorIndexForKeyGroup } from '../../../types/key-groups.ts';
import type { PlannedEdge } from '../chain-plan.ts';
import { checkChoice, hashOf } from '../record-router.ts';
import type { Bindings } from './bindings.ts';

export interface RouteText {
  /** Run first. */
  readonly statements: string;
  /** Gives the writer of the record. */
  readonly expression: string;
  /** The partition that sends it to all; the other two are empty then. */
  readonly broadcast?: string | undefined;
}

let variables = 0;

/** The key of the record in `value`. */
export function keyText(selector: KeySelectorFn, value: string, bindings: Bindings): string {
  const field = selectedField(selector);
  return field === undefined ? `${bindings.name(selector, 'key')}(${value})` : `${value}[${JSON.stringify(field)}]`;
}

export function routeText(edge: PlannedEdge, value: string, bindings: Bindings): RouteText {
  const { partition, partitioner, operatorName, maxParallelism } = edge;
  const count = partition.writers.length;
  const only = (index: number): RouteText => ({ statements: '', expression: bindings.name(partition.writers[index], 'writer') });
  if (partitioner.kind === 'broadcast') return { statements: '', expression: '', broadcast: bindings.name(partition, 'partition') };
  if (partitioner.kind === 'forward' || partitioner.kind === 'global') return only(0);
  if (count === 1 && partitioner.kind !== 'custom') return only(0);
  const writers = bindings.name(partition.writers, 'writers');
  const suffix = variables++;
  switch (partitioner.kind) {
    case 'rebalance':
    case 'rescale': {
      const next = bindings.name({ index: Math.floor(edge.random() * count) }, 'next');
      return {
        statements: `const i${suffix} = ${next}.index;\n${next}.index = i${suffix} + 1 === ${count} ? 0 : i${suffix} + 1;\n`,
        expression: `${writers}[i${suffix}]`,
      };
    }
    case 'shuffle':
      return { statements: '', expression: `${writers}[Math.floor(${bindings.name(edge.random, 'random')}() * ${count})]` };
    case 'hash': {
      const hash = bindings.name(hashOf(operatorName), 'hash');
      const targets = bindings.name(targetsByKeyGroup(count, maxParallelism), 'targets');
      const key = `k${suffix}`;
      return {
        statements:
          `const ${key} = ${keyText(partitioner.keySelector, value, bindings)};\n` +
          `let h${suffix} = typeof ${key} === "number" && (${key} | 0) === ${key} ? ${key} | 0 : ${hash}(${key}, ${value});\n` +
          murmurText(`h${suffix}`),
        expression: `${writers}[${targets}[h${suffix} % ${maxParallelism}]]`,
      };
    }
    case 'custom': {
      const choose = bindings.name(partitioner.choose, 'choose');
      const check = bindings.name(checkChoice(operatorName, count), 'check');
      return {
        statements: '',
        expression: `${writers}[${check}(${choose}(${keyText(partitioner.keySelector, value, bindings)}, ${count}))]`,
      };
    }
  }
}

function targetsByKeyGroup(parallelism: number, maxParallelism: number): Uint16Array {
  return Uint16Array.from({ length: maxParallelism }, (_, keyGroup) => operatorIndexForKeyGroup(keyGroup, parallelism, maxParallelism));
}

/** `murmur` of key-groups.ts in place. */
function murmurText(h: string): string {
  return `${h} = Math.imul(${h}, 0xcc9e2d51);
${h} = (${h} << 15) | (${h} >>> 17);
${h} = Math.imul(${h}, 0x1b873593);
${h} = (${h} << 13) | (${h} >>> 19);
${h} = (Math.imul(${h}, 5) + 0xe6546b64) | 0;
${h} ^= 4;
${h} ^= ${h} >>> 16;
${h} = Math.imul(${h}, 0x85ebca6b);
${h} ^= ${h} >>> 13;
${h} = Math.imul(${h}, 0xc2b2ae35);
${h} ^= ${h} >>> 16;
${h} = ${h} >= 0 ? ${h} : ${h} === -0x80000000 ? 0 : -${h};
`;
}
