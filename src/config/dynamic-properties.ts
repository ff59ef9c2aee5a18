/** `-D` words become configuration entries: split at the first `=`, a bare key is `true`, the last one wins. */

export function parseDynamicProperties(words: readonly string[]): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    const key = (equals < 0 ? word : word.slice(0, equals)).trim();
    if (key !== '') properties[key] = equals < 0 ? 'true' : word.slice(equals + 1);
  }
  return properties;
}
