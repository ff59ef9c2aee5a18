/** What was seen against what the oracle says; undefined when they are equal, as multisets. */
import { expectedOutput } from './oracle.ts';
import type { Plan } from './plan.ts';

const shownLines = 5;
const shownCharacters = 300;

export function difference(plan: Plan, seen: readonly string[]): string | undefined {
  const left = new Map<string, number>();
  for (const text of seen) left.set(text, (left.get(text) ?? 0) + 1);
  const missing = expectedOutput(plan).filter((text) => !take(left, text));
  const extra = [...left].flatMap(([text, count]) => Array<string>(count).fill(text));
  if (missing.length + extra.length === 0) return undefined;
  return `${missing.length} records are missing:${some(missing)}\n${extra.length} are too many:${some(extra)}\n${describePlan(plan)}`;
}

export function describePlan(plan: Plan): string {
  const nodes = plan.nodes.map((node, index) => `  ${index} ${JSON.stringify(node)}`);
  return `seed ${plan.seed}, buffer timeout ${plan.bufferTimeoutMs}, outputs ${JSON.stringify(plan.outputs)}\n${nodes.join('\n')}`;
}

function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text) ?? 0;
  if (count === 1) counts.delete(text);
  else if (count > 1) counts.set(text, count - 1);
  return count > 0;
}

function some(lines: readonly string[]): string {
  return lines
    .slice(0, shownLines)
    .map((text) => `\n  ${text.slice(0, shownCharacters)}`)
    .join('');
}
