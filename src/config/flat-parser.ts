/**
 * The flat form of `flink-conf.yaml`: one `key: value` a line. It looks like YAML and is not: `#` cuts anywhere, quotes and
 * indentation mean nothing, the last line of a key wins. A malformed line is reported and skipped, never fatal.
 */
import type { ConfigurationEntry, ParsedFile } from './load-configuration.ts';

export function parseFlatConfiguration(text: string, file: string): ParsedFile {
  const entries: ConfigurationEntry[] = [];
  const warnings: string[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = index + 1;
    const content = (raw.split('#', 1)[0] as string).trim();
    if (content === '') return;
    const separator = content.indexOf(': ');
    if (separator < 0) {
      const hint = content.includes(':') ? ' Is the space after the colon missing?' : '';
      warnings.push(`Error while trying to split key and value in configuration file ${file}:${line}: the line is skipped.${hint}`);
      return;
    }
    const key = content.slice(0, separator).trim();
    const value = content.slice(separator + 2).trim();
    if (key === '' || value === '') {
      warnings.push(
        `Error after splitting key and value in configuration file ${file}:${line}: key or value was empty; the line is skipped.`,
      );
      return;
    }
    entries.push({ key, value, line });
  });
  return { entries, warnings };
}
