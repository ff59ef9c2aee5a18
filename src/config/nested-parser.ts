/** The nested form of Flink 2 (`config.yaml`): real YAML 1.2, flattened with dots. Any fault of the file stops the process. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, stringify } from 'yaml';
import { UserError } from '../shared/errors.ts';
import type { ConfigurationEntry, ParsedFile } from './load-configuration.ts';

export function parseNestedConfiguration(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' });
  const fault = document.errors[0];
  // The library's message without its excerpt of the source: values do not belong into a log.
  if (fault)
    throw broken(file, `${fault.message.split(' at line', 1)[0]} (${file}:${fault.linePos?.[0].line ?? 0}:${fault.linePos?.[0].col ?? 0})`);
  const entries = new Map<string, ConfigurationEntry>();
  const warnings: string[] = [];
  const lineOf = (node: Node | null | undefined): number => (node?.range ? lines.linePos(node.range[0]).line : 0);

  const visit = (node: unknown, path: string, line: number): void => {
    const value = isAlias(node) ? node.resolve(document) : node;
    if (isMap(value)) {
      for (const { key, value: child } of value.items) {
        const name = isScalar(key) ? String(key.value) : String(key);
        visit(child, path === '' ? name : `${path}.${name}`, lineOf(key as Node));
      }
    } else if (value === null || value === undefined || (isScalar(value) && value.value === null)) {
      throw broken(file, `The key '${path}' has no value (${file}:${line}).`);
    } else if (path === '') {
      throw broken(file, `${file} is not a mapping of keys to values.`);
    } else {
      put(path, isSeq(value) ? flowText(value.toJSON()) : scalarText(value, path, line), line);
    }
  };

  const scalarText = (node: unknown, path: string, line: number): string => {
    const scalar = node as { value: unknown; source?: string; type?: string };
    const source = scalar.source ?? String(scalar.value);
    if (scalar.type === 'PLAIN' && /^(yes|no|on|off|y|n)$|^0\d+$|^\d+:\d\d$/i.test(source)) {
      warnings.push(
        `${file}:${line}: '${path}: ${source}' is text here; older YAML would read it as a boolean or another number. Quote it to be clear.`,
      );
      return source;
    }
    return String(scalar.value);
  };

  const put = (key: string, value: string, line: number): void => {
    const former = entries.get(key);
    if (former) throw broken(file, `The key '${key}' is set twice, at lines ${former.line} and ${line} of ${file}.`);
    entries.set(key, { key, value, line });
  };

  if (document.contents !== null) visit(document.contents, '', 1);
  return { entries: [...entries.values()], warnings };
}

function flowText(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function broken(file: string, found: string): UserError {
  return new UserError('CONF_FILE_BROKEN', { problem: 'Error parsing YAML configuration.', found, tryNext: [`Mend ${file}.`] });
}
