/**
 * Metrics in the text format of Prometheus, named and labelled as Flink's reporter does: `flink_` and the scope before the name,
 * all values as gauges, histograms as summaries without a sum.
 */
import type { ReportedGroup } from '../metric-group.ts';

export interface PrometheusTextOptions {
  /** False: label values stay as they are, escaped; dashboards for Flink expect true. */
  readonly filterLabelValues: boolean;
  /** Variables that do not become labels. */
  readonly excludedVariables: readonly string[];
}

interface Family {
  readonly help: string;
  readonly type: 'gauge' | 'summary';
  readonly lines: string[];
}

const quantiles = { median: '0.5', p75: '0.75', p95: '0.95', p98: '0.98', p99: '0.99', p999: '0.999' } as const;
const histogramParts = ['count', 'min', 'max', 'mean', 'stddev', 'p90', ...Object.keys(quantiles)];

export function prometheusText(groups: readonly ReportedGroup[], options: PrometheusTextOptions): string {
  const families = new Map<string, Family>();
  for (const group of groups) addGroup(families, group, options);
  return [...families].map(([name, { help, type, lines }]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`).join('');
}

function addGroup(families: Map<string, Family>, group: ReportedGroup, options: PrometheusTextOptions): void {
  const labels = labelsOf(group, options);
  // Two variables with one name once they are made safe: Prometheus would refuse the whole page.
  if (labels === undefined) return;
  const scope = safe(group.scope.join('_'));
  const histograms = histogramsIn(Object.keys(group.metrics));
  for (const [name, value] of Object.entries(group.metrics)) {
    const histogram = histograms.find((each) => histogramParts.some((part) => name === `${each}_${part}`));
    if (histogram === undefined) {
      add(
        families,
        `flink_${scope}_${safe(name)}`,
        `${name} (scope: ${scope})`,
        'gauge',
        (full) => `${full}${braces(labels)} ${number(value)}\n`,
      );
      continue;
    }
    const part = name.slice(histogram.length + 1);
    const quantile = quantiles[part as keyof typeof quantiles];
    if (quantile === undefined && part !== 'count') continue;
    add(families, `flink_${scope}_${safe(histogram)}`, `${histogram} (scope: ${scope})`, 'summary', (full) =>
      quantile === undefined
        ? `${full}_count${braces(labels)} ${number(value)}\n`
        : `${full}${braces([...labels, `quantile="${quantile}"`])} ${number(value)}\n`,
    );
  }
}

function add(families: Map<string, Family>, name: string, help: string, type: Family['type'], line: (name: string) => string): void {
  const family = families.get(name) ?? { help: help.replace(/[\n\\]/g, ' '), type, lines: [] };
  families.set(name, family);
  // One name has one type; what comes second under it is left out.
  if (family.type === type) family.lines.push(line(name));
}

function histogramsIn(names: readonly string[]): string[] {
  const all = new Set(names);
  return names
    .filter((name) => name.endsWith('_count'))
    .map((name) => name.slice(0, -'_count'.length))
    .filter((base) => histogramParts.every((part) => all.has(`${base}_${part}`)));
}

function labelsOf({ variables }: ReportedGroup, options: PrometheusTextOptions): string[] | undefined {
  const labels = Object.entries(variables)
    .filter(([name]) => !options.excludedVariables.includes(name))
    .map(([name, value]) => ({ name: safe(name), value: options.filterLabelValues ? safe(value) : escaped(value) }));
  if (new Set(labels.map(({ name }) => name)).size < labels.length) return undefined;
  return labels.map(({ name, value }) => `${name}="${value}"`);
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

export function safe(text: string): string {
  return text.replace(/[^a-zA-Z0-9:_]/g, '_');
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

/** Booleans are 0 and 1; other texts that are no numbers are 0, as in Flink. */
function number(value: number | string): string {
  if (value === 'true') return '1';
  const parsed = typeof value === 'number' ? value : value.trim() === '' ? 0 : Number(value);
  if (parsed === Number.POSITIVE_INFINITY) return '+Inf';
  if (parsed === Number.NEGATIVE_INFINITY) return '-Inf';
  return Number.isNaN(parsed) ? (typeof value === 'number' || value === 'NaN' ? 'NaN' : '0') : String(parsed);
}
