/**
 * `.yarn-properties-<user>`: names the session that later commands go to, in the form of Java's property files. Written by
 * yarn-session, read by every command that is not told where to go.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { isApplicationId } from '../protocol/ids.ts';
import type { ApplicationId } from '../protocol/records.ts';

export interface YarnProperties {
  readonly file: string;
  readonly applicationId: ApplicationId;
  readonly dynamicProperties: Readonly<Record<string, string>>;
}

const separator = '@@';

export function propertiesFile(config: Configuration): string {
  return join(config.get('yarn.properties-file.location') ?? tmpdir(), `.yarn-properties-${userInfo().username}`);
}

export function writeYarnProperties(config: Configuration, id: ApplicationId, dynamicProperties: Readonly<Record<string, string>>): void {
  const dynamic = Object.entries(dynamicProperties)
    .map(([key, value]) => `${key}=${value}`)
    .join(separator);
  const lines = [
    '#Generated YARN properties file',
    `#${new Date().toString()}`,
    `applicationID=${id}`,
    ...(dynamic === '' ? [] : [`dynamicPropertiesString=${escaped(dynamic)}`]),
  ];
  writeFileSync(propertiesFile(config), `${lines.join('\n')}\n`, { mode: 0o644 });
}

/** A broken file is told of with Flink's words, as the result. */
export function readYarnProperties(config: Configuration): YarnProperties | { readonly broken: string } | undefined {
  const file = propertiesFile(config);
  if (!existsSync(file)) return undefined;
  const values = parseProperties(readFileSync(file, 'utf8'));
  const applicationId = values.get('applicationID');
  if (!applicationId)
    return { broken: `Yarn properties file found but doesn't contain a Yarn application id. Please delete the file at ${file}` };
  if (!isApplicationId(applicationId))
    return { broken: `YARN properties contain an invalid entry for application id: ${applicationId}. Please delete the file at ${file}` };
  const pairs = (values.get('dynamicPropertiesString') ?? '').split(separator).filter(Boolean);
  const dynamicProperties = Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, 'true'] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
  return { file, applicationId, dynamicProperties };
}

/** Only when it names this application: another session may have written it since. */
export function removeYarnProperties(config: Configuration, id: ApplicationId): void {
  const found = readYarnProperties(config);
  if (found && 'applicationId' in found && found.applicationId === id) rmSync(found.file, { force: true });
}

function escaped(text: string): string {
  return text.replace(/[\\:=#!]/g, (character) => `\\${character}`).replaceAll('\n', '\\n');
}

/** One `key=value` a line; a backslash takes the next character as it is. */
function parseProperties(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#!].*)?$/.test(line)) continue;
    const match = /^\s*((?:\\.|[^\\=:\s])+)\s*[=:]?\s*(.*)$/.exec(line);
    if (match) values.set(unescaped(match[1] as string), unescaped(match[2] as string));
  }
  return values;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => ({ n: '\n', t: '\t', r: '\r' })[character] ?? character);
}
