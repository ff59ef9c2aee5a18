/**
 * Checks an answer of the REST API against the shape that Flink documents for its endpoint. The shapes stand in
 * flink-rest-api.json, in a small notation:
 *
 *   "int", "long", "double", "boolean", "string", "hex32", "base64", "any", "text", "bytes"
 *   "=A|B"      one of these texts               "@Name"   the type of that name
 *   [shape]     an array of it                   { "*": shape }   an object used as a map
 *   { "key": shape, "key?": shape }   an object; `?`: may be null or absent. Any other key is a violation.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Shape = string | readonly [Shape] | { readonly [key: string]: Shape };

export interface Endpoint {
  readonly group: string;
  /** First Flink version that has it. */
  readonly since?: string;
  /** Served by Flink, left out of its published reference. */
  readonly undocumented?: boolean;
  /** Of a success. */
  readonly status: number;
  readonly errors: readonly number[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Shape;
  readonly multipart?: boolean;
  /** The configuration switch that serves it. */
  readonly requires?: string;
  readonly async?: 'trigger' | 'status';
  readonly answer: Shape;
}

interface ApiDescription {
  readonly types: Readonly<Record<string, Shape>>;
  /** By `METHOD /path/:parameter`. */
  readonly endpoints: Readonly<Record<string, Endpoint>>;
}

export const flinkRestApi = JSON.parse(readFileSync(join(import.meta.dirname, 'flink-rest-api.json'), 'utf8')) as ApiDescription;

/** What does not fit, as `path: what is wrong`; empty for a good answer. */
export function violations(shape: Shape, value: unknown, path = '$'): string[] {
  if (typeof shape === 'string') return atomViolations(shape, value, path);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${path}: ${show(value)} is no array`];
    return value.flatMap((element, index) => violations(shape[0] as Shape, element, `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: ${show(value)} is no object`];
  return objectViolations(shape as Readonly<Record<string, Shape>>, value as Record<string, unknown>, path);
}

function objectViolations(shape: Readonly<Record<string, Shape>>, value: Record<string, unknown>, path: string): string[] {
  const each = shape['*'];
  if (each !== undefined) return Object.entries(value).flatMap(([key, element]) => violations(each, element, `${path}.${key}`));
  const known = new Map(Object.entries(shape).map(([key, inner]) => [key.replace(/\?$/, ''), { inner, optional: key.endsWith('?') }]));
  const strangers = Object.keys(value).filter((key) => !known.has(key));
  return [
    ...strangers.map((key) => `${path}.${key}: Flink has no such key`),
    ...[...known].flatMap(([key, { inner, optional }]) => {
      const element = value[key];
      if (element === undefined || element === null) return optional ? [] : [`${path}.${key}: is missing`];
      return violations(inner, element, `${path}.${key}`);
    }),
  ];
}

const checks: Readonly<Record<string, (value: unknown) => boolean>> = {
  int: (value) => Number.isInteger(value) && Math.abs(value as number) <= 2 ** 31,
  long: (value) => Number.isSafeInteger(value),
  double: (value) => typeof value === 'number' || value === 'NaN' || value === 'Infinity' || value === '-Infinity',
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  text: (value) => typeof value === 'string',
  hex32: (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
  base64: (value) => typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value),
  any: (value) => value !== undefined,
};

function atomViolations(shape: string, value: unknown, path: string): string[] {
  if (shape.startsWith('@')) {
    const named = flinkRestApi.types[shape.slice(1)];
    if (named === undefined) throw new Error(`no type ${shape}`);
    return violations(named, value, path);
  }
  if (shape.startsWith('='))
    return shape.slice(1).split('|').includes(String(value)) ? [] : [`${path}: ${show(value)} is none of ${shape}`];
  const check = checks[shape];
  if (!check) throw new Error(`no atom ${shape}`);
  return check(value) ? [] : [`${path}: ${show(value)} is no ${shape}`];
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80);
}
