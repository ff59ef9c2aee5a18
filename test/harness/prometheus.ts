/** A strict reader of Prometheus's text format, written from its description: it refuses what Prometheus refuses. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ScrapedPage {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

export function parsePrometheus(text: string): ScrapedPage {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let current = '';
  for (const line of text.split('\n').filter(Boolean)) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (!namePattern.test(name)) throw new Error(`bad name: ${line}`);
      if (kind === 'TYPE') {
        if (types.has(name)) throw new Error(`second TYPE line: ${line}`);
        if (!['gauge', 'summary', 'counter', 'untyped'].includes(rest)) throw new Error(`bad type: ${line}`);
        types.set(name, rest);
        current = name;
      }
      continue;
    }
    const sample = parseSample(line);
    const family = types.get(sample.name) === undefined ? sample.name.replace(/_(count|sum)$/, '') : sample.name;
    if (family !== current) throw new Error(`not under its TYPE line: ${line}`);
    const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    samples.push(sample);
  }
  return { types, samples };
}

function parseSample(line: string): Sample {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  const [, name = '', labelText = '', valueText = ''] = match ?? [];
  if (!match || !namePattern.test(name)) throw new Error(`bad sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = labelText;
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    if (!label) throw new Error(`bad labels: ${line}`);
    const [whole, key = '', value = ''] = label;
    if (key in labels) throw new Error(`label twice: ${line}`);
    labels[key] = value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
    rest = rest.slice(whole.length);
  }
  const value = { NaN: Number.NaN, '+Inf': Number.POSITIVE_INFINITY, '-Inf': Number.NEGATIVE_INFINITY }[valueText] ?? Number(valueText);
  if (Number.isNaN(value) && valueText !== 'NaN') throw new Error(`bad value: ${line}`);
  return { name, labels, value };
}
