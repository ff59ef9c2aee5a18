/** JSON for values that JSON has no form for: bigint, Date, bytes, Map, Set, undefined, and numbers that are not finite. */

const tag = '$weir';

/** Throws TypeError for functions, symbols and cycles, as JSON does. */
export function toTaggedJson(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return { [tag]: 'bigint', value: String(value) };
    case 'undefined':
      return { [tag]: 'undefined' };
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [tag]: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
    case 'object':
      return value === null ? null : objectToJson(value);
    case 'function':
    case 'symbol':
      throw new TypeError(`a ${typeof value} cannot be sent to the client`);
    default:
      return value;
  }
}

function objectToJson(value: object): unknown {
  if (Array.isArray(value)) return Array.from(value, toTaggedJson);
  if (value instanceof Date) return { [tag]: 'Date', value: value.getTime() };
  if (value instanceof Uint8Array) return { [tag]: 'Uint8Array', value: Buffer.from(value).toString('base64') };
  if (value instanceof Map) return { [tag]: 'Map', value: [...value].map(([key, element]) => [toTaggedJson(key), toTaggedJson(element)]) };
  if (value instanceof Set) return { [tag]: 'Set', value: [...value].map(toTaggedJson) };
  const plain = Object.fromEntries(Object.entries(value).map(([key, element]) => [key, toTaggedJson(element)]));
  return tag in plain ? { [tag]: 'Object', value: plain } : plain;
}

export function fromTaggedJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromTaggedJson);
  const tagged = json as Record<string, unknown>;
  const { value } = tagged;
  switch (tagged[tag]) {
    case 'bigint':
      return BigInt(value as string);
    case 'undefined':
      return undefined;
    case 'number':
      return Number(value);
    case 'Date':
      return new Date(value as number);
    case 'Uint8Array':
      return new Uint8Array(Buffer.from(value as string, 'base64'));
    case 'Map':
      return new Map((value as [unknown, unknown][]).map(([key, element]) => [fromTaggedJson(key), fromTaggedJson(element)]));
    case 'Set':
      return new Set((value as unknown[]).map(fromTaggedJson));
    case 'Object':
      return mapped(value as Record<string, unknown>);
    default:
      return mapped(tagged);
  }
}

function mapped(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, element]) => [key, fromTaggedJson(element)]));
}
