/** Writes docs/reference/configuration.md from the option registry. A test fails when the page is stale. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Option } from '../src/config/option.ts';
import { newerNames, optionGroups } from '../src/config/registry.ts';

export const referencePage = join(import.meta.dirname, '../docs/reference/configuration.md');

export function configurationReference(): string {
  return `${introduction}\n${optionGroups.map(([title, options]) => `## ${title}\n\n${table(options)}`).join('\n')}`;
}

const introduction = `# Configuration

*This page is made from the option registry (\`src/config/options\`) by \`npm run docs\`.*

Every key of Flink is accepted. \`flink config\` shows what is in effect, and where each value came from; \`flink config -a\` the defaults too.

Where values come from, the later wins:

1. the default,
2. the file in \`FLINK_CONF_DIR\`, else \`conf\` of the installation: \`flink-conf.yaml\` (one \`key: value\` a line; it is not YAML: \`#\` cuts
   anywhere, quotes and indentation mean nothing), or else \`config.yaml\` (nested YAML, as in Flink 2),
3. the environment: \`FLINK_PROPERTIES\` (lines like those of \`flink-conf.yaml\`), and \`FLINK_TM_HEAP\`, \`FLINK_JM_HEAP\`,
4. \`-Dkey=value\` on the command line,
5. options of the command line with a meaning of their own, such as \`-p\`,
6. for a job, what its program sets.

A key may have older names; any of them may be used. A later source wins whatever name it uses; within one source the newest name does.

Sizes are whole numbers with a unit (\`b\`, \`kb\`, \`mb\`, \`gb\`, \`tb\`, powers of two; without a unit they are bytes), durations the same
(\`ms\`, \`s\`, \`min\`, \`h\`, \`d\`; without a unit they are milliseconds). Lists are written \`a;b\`, maps \`k1:v1,k2:v2\`; in \`config.yaml\` as YAML
has them. Values of keys that name a password, secret or token are shown as \`******\`.

**No effect** says why a key does nothing in Weir, and **not yet** what is missing for it. Both are accepted, so that a file of Flink loads;
when a process starts it reports the ones that are set, and keys that nobody knows (\`weir.config.lint: false\` turns that off). What a process
must not silently run without, such as TLS or high availability, is refused at its start instead.
`;

function table(options: Readonly<Record<string, Option>>): string {
  const rows = Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, option]) => `| \`${key}\` | ${typeOf(option)} | ${defaultOf(option)} | ${cell(meaning(key, option))} |`);
  return ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

function typeOf(option: Option): string {
  return option.type === 'enum' ? (option.values ?? []).map((word) => `\`${word}\``).join(', ') : option.type;
}

function defaultOf(option: Option): string {
  return option.default ? `\`${cell(option.default)}\`` : '';
}

function meaning(key: string, option: Option): string {
  const newer = newerNames(key);
  const parts = [
    newer.length > 0 ? `Older name of ${names(newer)}.` : option.description,
    option.notApplicable && `**No effect:** ${option.notApplicable}`,
    option.notYet && `**Not yet:** ${option.notYet}`,
    newer.length === 0 && option.fallback ? `Older: ${names(option.fallback)}.` : undefined,
  ];
  return parts.filter(Boolean).join(' ');
}

function names(keys: readonly string[]): string {
  return keys.map((key) => `\`${key}\``).join(', ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) writeFileSync(referencePage, configurationReference());
