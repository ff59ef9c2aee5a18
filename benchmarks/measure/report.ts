/** What a benchmark found, as lines for people and as data for `--json`. */
import { judge, type Summary, summarise, type Target } from './statistics.ts';

export interface Finding {
  readonly what: string;
  readonly unit: string;
  readonly summary: Summary;
  readonly target?: Target | undefined;
  readonly verdict?: string | undefined;
}

export class Report {
  readonly findings: Finding[] = [];

  heading(text: string): void {
    process.stdout.write(`\n${text}\n`);
  }

  /** Prints and keeps one figure. */
  add(what: string, unit: string, values: readonly number[], target?: Target): void {
    const summary = summarise(values);
    const verdict = target && judge(summary, target);
    this.findings.push({ what, unit, summary, target, verdict });
    const wanted = target === undefined ? '' : 'atLeast' in target ? `  wanted >= ${target.atLeast}` : `  wanted <= ${target.atMost}`;
    const spread = `[${shown(summary.low)} .. ${shown(summary.high)}], ${summary.runs} runs`;
    process.stdout.write(
      `  ${what.padEnd(58)} ${shown(summary.median).padStart(8)} ${unit.padEnd(10)} ${spread}${wanted}${verdict ? `: ${verdict}` : ''}\n`,
    );
  }
}

function shown(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(3);
}
