/** The choice of a record's subpartition, as code. The routers of record-router.ts do the same. */
import { selectedField } from '../../../api/function-checks.ts';
import type { KeySelectorFn } from '../../../api/functions.ts';
import { mostExpected } from '../../../state/keyed/key-table.ts';
import { operatorIndexForKeyGroup } from '../../../types/key-groups.ts';
import { factsOf } from '../../operators/function-facts.ts';
import type { PlannedEdge } from '../chain-plan.ts';
import { checkChoice, hashOf } from '../record-router.ts';
import type { Bindings } from './bindings.ts';

export interface RouteText {
  /** Run first. */
  readonly statements: string;
  /** Which of the partition's writers gets the record: a number, or an expression; undefined for all of them. */
  readonly index: number | string | undefined;
}

let variables = 0;

/** Asking a record for its key does nothing else: it may be asked once more. */
export function canLookAhead(selector: KeySelectorFn): boolean {
  return selectedField(selector) !== undefined || factsOf(selector).selectsField;
}

/** Looks up the state of the records from `index` to `end`, of which `key` is the key of record `i`. */
export function lookAheadText(keyedState: string, key: string): string {
  return `const ahead = Math.min(end, index + ${mostExpected});
try {
for (let i = index; i < ahead; i++) ${keyedState}.expect(i - index, ${key});
${keyedState}.findExpected(ahead - index);
} catch { ${keyedState}.expectNothing(); }
`;
}

/** The key of the record in `value`. */
export function keyText(selector: KeySelectorFn, value: string, bindings: Bindings): string {
  const field = selectedField(selector);
  return field === undefined ? `${bindings.name(selector, 'key')}(${value})` : `${value}[${JSON.stringify(field)}]`;
}

export function routeText(edge: PlannedEdge, value: string, bindings: Bindings): RouteText {
  const { partition, partitioner, operatorName, maxParallelism } = edge;
  const count = partition.writers.length;
  if (partitioner.kind === 'broadcast') return { statements: '', index: undefined };
  if (partitioner.kind === 'forward' || partitioner.kind === 'global') return { statements: '', index: 0 };
  if (count === 1 && partitioner.kind !== 'custom') return { statements: '', index: 0 };
  const suffix = variables++;
  switch (partitioner.kind) {
    case 'rebalance':
    case 'rescale': {
      const next = bindings.name({ index: Math.floor(edge.random() * count) }, 'next');
      return {
        statements: `const i${suffix} = ${next}.index;\n${next}.index = i${suffix} + 1 === ${count} ? 0 : i${suffix} + 1;\n`,
        index: `i${suffix}`,
      };
    }
    case 'shuffle':
      return { statements: '', index: `Math.floor(${bindings.name(edge.random, 'random')}() * ${count})` };
    case 'hash': {
      const hash = bindings.name(hashOf(operatorName), 'hash');
      const targets = bindings.name(targetsByKeyGroup(count, maxParallelism), 'targets');
      const key = `k${suffix}`;
      return {
        statements:
          `const ${key} = ${keyText(partitioner.keySelector, value, bindings)};\n` +
          `let h${suffix} = typeof ${key} === "number" && (${key} | 0) === ${key} ? ${key} | 0 : ${hash}(${key}, ${value});\n` +
          murmurText(`h${suffix}`),
        index: `${targets}[h${suffix} % ${maxParallelism}]`,
      };
    }
    case 'custom': {
      const choose = bindings.name(partitioner.choose, 'choose');
      const check = bindings.name(checkChoice(operatorName, count), 'check');
      return {
        statements: '',
        index: `${check}(${choose}(${keyText(partitioner.keySelector, value, bindings)}, ${count}))`,
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
