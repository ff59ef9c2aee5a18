/**
 * What the source text of a user function proves about the records it takes and makes. The engine copies a value wherever two
 * parties could hold it; these facts show where nobody else can, so that the copy would never be seen.
 *
 * Everything is proved or unknown: text that cannot be read (native, bound, generators, async) or that does more than is
 * understood here proves nothing. Facts about parameters hold for flat records only, whose fields are all primitive.
 */
import { parse } from 'acorn';

/** What a function returns, or hands to a collector. */
export type ValueFacts =
  /** Never an object. */
  | { readonly kind: 'primitive' }
  /** An object literal: nobody else can hold the object, its fields may be anything. */
  | { readonly kind: 'record'; readonly parts: readonly RecordPart[] }
  /** The parameter of this position, itself. */
  | { readonly kind: 'parameter'; readonly position: number }
  | { readonly kind: 'unknown' };

/** In the order of the text; a later part overwrites fields of an earlier one. */
export type RecordPart =
  | {
      readonly field: string;
      readonly isPrimitive: boolean;
      /** Its value is this field of the parameter of this position. */
      readonly reads: { readonly position: number; readonly field: string } | undefined;
    }
  /** All fields of the parameter of this position. */
  | { readonly spread: number };

export interface FunctionFacts {
  readonly result: ValueFacts;
  /** By position: the function reads fields of the parameter and may return it, but does not change, keep or pass it on. */
  readonly onlyReads: (position: number) => boolean;
  /** By position: the function has no way to look at the parameter. */
  readonly ignores: (position: number) => boolean;
  /** What every call of `collect` on the parameter of this position is given; unknown when it is used in any other way. */
  readonly collected: (position: number) => ValueFacts;
  /** All it does is to give a field of its first parameter: calling it once more would not be noticed. */
  readonly selectsField: boolean;
}

const unknown: ValueFacts = { kind: 'unknown' };
const primitive: ValueFacts = { kind: 'primitive' };

export const noFacts: FunctionFacts = {
  result: unknown,
  onlyReads: () => false,
  ignores: () => false,
  collected: () => unknown,
  selectsField: false,
};

const known = new WeakMap<object, FunctionFacts>();

export function factsOf(userFunction: unknown): FunctionFacts {
  if (typeof userFunction !== 'function') return noFacts;
  let facts = known.get(userFunction);
  if (!facts) {
    facts = analyse(Function.prototype.toString.call(userFunction));
    known.set(userFunction, facts);
  }
  return facts;
}

/** The parts of the syntax tree that are looked at; everything else is only walked through. */
interface Node {
  readonly type: string;
  readonly [property: string]: unknown;
}

function analyse(text: string): FunctionFacts {
  const node = readFunction(text);
  if (!node || node['async'] === true || node['generator'] === true) return noFacts;
  const body = node['body'] as Node;
  const parameters = node['params'] as readonly Node[];
  const uses = collectUses(body, parameters);
  if (!uses) return noFacts;
  const names = parameters.map(parameterName);
  const takesRest = parameters.at(-1)?.type === 'RestElement';
  return {
    result: resultOf(body, names),
    onlyReads: (position) => uses.readable[position] ?? !takesRest,
    ignores: (position) => position >= parameters.length && !takesRest,
    collected: (position) => merge((uses.collected[position] ?? [undefined]).map((argument) => classify(argument, names))),
    selectsField: isFieldOf(onlyResult(body), names[0]),
  };
}

/** Undefined where more is done than to give it. */
function onlyResult(body: Node): Node | undefined {
  if (body.type !== 'BlockStatement') return body;
  const [only, ...others] = body['body'] as readonly Node[];
  return only?.type === 'ReturnStatement' && others.length === 0 ? (only['argument'] as Node | undefined) : undefined;
}

/** `name.field`, `name['field']`, `name[variable]`. */
function isFieldOf(node: Node | undefined, name: string | undefined): boolean {
  if (node?.type !== 'MemberExpression' || name === undefined) return false;
  const [object, property] = [node['object'] as Node, node['property'] as Node];
  return object.type === 'Identifier' && object['name'] === name && (property.type === 'Identifier' || property.type === 'Literal');
}

/** A function, arrow function or method by itself; undefined when it is none or not in the language. */
function readFunction(text: string): Node | undefined {
  const asExpression = (): Node => statement(`(${text})`)['expression'] as Node;
  const asMethod = (): Node => {
    const body = (statement(`(class{${text}})`)['expression'] as Node)['body'] as { readonly body: readonly Node[] };
    return body.body[0]?.['value'] as Node;
  };
  for (const read of [asExpression, asMethod]) {
    try {
      const node = read();
      if (node && /^(ArrowFunction|Function)Expression$/.test(node.type)) return node;
    } catch {
      // Not written this way.
    }
  }
  return undefined;
}

function statement(text: string): Node {
  const options = { ecmaVersion: 'latest', sourceType: 'module', checkPrivateFields: false, allowSuperOutsideMethod: true } as const;
  return parse(text, options).body[0] as unknown as Node;
}

interface Uses {
  /** By position: only in places that read. */
  readonly readable: readonly boolean[];
  /** By position: the arguments of `collect`; one undefined when it is used otherwise. */
  readonly collected: readonly (readonly (Node | undefined)[])[];
}

function parameterName(parameter: Node): string | undefined {
  return parameter.type === 'Identifier' ? (parameter['name'] as string) : undefined;
}

/** Undefined when the function looks at itself in a way that makes names unreliable. */
function collectUses(body: Node, parameters: readonly Node[]): Uses | undefined {
  const readable = parameters.map((parameter) => parameter.type === 'Identifier' || isPlainPattern(parameter));
  const collected: (Node | undefined)[][] = parameters.map((parameter) => (parameter.type === 'Identifier' ? [] : [undefined]));
  const positions = new Map<string, number>();
  for (const [position, parameter] of parameters.entries()) {
    const name = parameterName(parameter);
    if (name !== undefined) positions.set(name, position);
  }
  let reliable = true;
  const visit = (node: Node, path: readonly Node[]): void => {
    if (node.type === 'WithStatement') reliable = false;
    if (node.type === 'Identifier' && !isLabelOrName(node, path.at(-1))) {
      const name = node['name'] as string;
      if (name === 'arguments' || name === 'eval') reliable = false;
      const position = positions.get(name);
      if (position !== undefined) {
        if (declares(node, path)) reliable = false;
        if (!isRead(node, path)) readable[position] = false;
        (collected[position] as (Node | undefined)[]).push(collectArgument(node, path));
      }
    }
    const inner = [...path, node];
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) for (const element of value) if (isNode(element)) visit(element, inner);
      if (isNode(value)) visit(value, inner);
    }
  };
  // Defaults inside patterns run code of their own.
  for (const parameter of parameters) if (parameter.type !== 'Identifier') visit(parameter, []);
  visit(body, []);
  return reliable ? { readable, collected } : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** `{ a, b: c }`: takes fields and never names the record. */
function isPlainPattern(parameter: Node): boolean {
  return (
    parameter.type === 'ObjectPattern' &&
    (parameter['properties'] as readonly Node[]).every(
      (property) => property.type === 'Property' && (property['value'] as Node).type === 'Identifier',
    )
  );
}

/** A property name or a label, not a variable. */
function isLabelOrName(node: Node, parent: Node | undefined): boolean {
  if (!parent) return false;
  switch (parent.type) {
    case 'MemberExpression':
      return parent['property'] === node && parent['computed'] !== true;
    case 'Property':
      return parent['key'] === node && parent['computed'] !== true && parent['shorthand'] !== true;
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return parent['key'] === node && parent['computed'] !== true;
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return true;
    default:
      return false;
  }
}

/** The name is given a new meaning somewhere inside: which one is meant where is not followed. */
function declares(node: Node, path: readonly Node[]): boolean {
  const parent = path.at(-1);
  if (!parent) return false;
  if (parent.type === 'VariableDeclarator') return parent['id'] === node;
  if (/Pattern$|^RestElement$/.test(parent.type)) return parent.type !== 'AssignmentPattern' || parent['left'] === node;
  if (parent.type === 'Property') return path.at(-2)?.type === 'ObjectPattern' && parent['value'] === node;
  if (/Function|^CatchClause$|^Class/.test(parent.type)) return parent['body'] !== node && parent['superClass'] !== node;
  return false;
}

function isRead(node: Node, path: readonly Node[]): boolean {
  if (path.some((outer) => /Function|^Class/.test(outer.type))) return false;
  const parent = path.at(-1);
  // The whole body of an arrow function.
  if (!parent) return true;
  switch (parent.type) {
    case 'MemberExpression':
      return parent['object'] === node && !isWrittenOrCalled(parent, path.slice(0, -1));
    case 'ReturnStatement':
    case 'IfStatement':
      return true;
    case 'UnaryExpression':
      return parent['operator'] === '!' || parent['operator'] === 'typeof' || parent['operator'] === 'void';
    case 'BinaryExpression':
      return ['===', '!==', '==', '!='].includes(parent['operator'] as string) || (parent['operator'] === 'in' && parent['right'] === node);
    case 'ConditionalExpression':
      return parent['test'] === node;
    case 'LogicalExpression':
      // Its value goes on only where it is false, and then it is no object.
      return parent['operator'] === '&&' && parent['left'] === node;
    case 'SpreadElement':
      return path.at(-2)?.type === 'ObjectExpression';
    case 'VariableDeclarator':
      return parent['init'] === node && isPlainPattern(parent['id'] as Node);
    default:
      return false;
  }
}

function isWrittenOrCalled(member: Node, path: readonly Node[]): boolean {
  const parent = path.at(-1);
  if (!parent) return false;
  switch (parent.type) {
    case 'AssignmentExpression':
      return parent['left'] === member;
    case 'UpdateExpression':
      return true;
    case 'UnaryExpression':
      return parent['operator'] === 'delete';
    case 'CallExpression':
    case 'NewExpression':
      return parent['callee'] === member;
    case 'TaggedTemplateExpression':
      return true;
    case 'ForInStatement':
    case 'ForOfStatement':
      return parent['left'] === member;
    case 'ChainExpression':
      return isWrittenOrCalled(parent, path.slice(0, -1));
    case 'Property':
      return path.at(-2)?.type === 'ObjectPattern';
    default:
      return /Pattern$|^RestElement$/.test(parent.type);
  }
}

/** The argument, when the use is `name.collect(argument)`. */
function collectArgument(node: Node, path: readonly Node[]): Node | undefined {
  const member = path.at(-1);
  const call = path.at(-2);
  if (member?.type !== 'MemberExpression' || member['object'] !== node || member['computed'] === true) return undefined;
  if ((member['property'] as Node)['name'] !== 'collect') return undefined;
  if (call?.type !== 'CallExpression' || call['callee'] !== member) return undefined;
  const [argument] = call['arguments'] as readonly Node[];
  return argument;
}

function resultOf(body: Node, names: readonly (string | undefined)[]): ValueFacts {
  if (body.type !== 'BlockStatement') return classify(body, names);
  const results: ValueFacts[] = endsAbruptly(body) ? [] : [primitive];
  const visit = (node: Node): void => {
    if (/Function|^Class/.test(node.type)) return;
    if (node.type === 'ReturnStatement') results.push(node['argument'] ? classify(node['argument'] as Node, names) : primitive);
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) for (const element of value) if (isNode(element)) visit(element);
      if (isNode(value)) visit(value);
    }
  };
  visit(body);
  return merge(results);
}

/** True when the statement always returns or throws. */
function endsAbruptly(node: Node): boolean {
  switch (node.type) {
    case 'ReturnStatement':
    case 'ThrowStatement':
      return true;
    case 'BlockStatement':
      return (node['body'] as readonly Node[]).some(endsAbruptly);
    case 'IfStatement':
      return isNode(node['alternate']) && endsAbruptly(node['consequent'] as Node) && endsAbruptly(node['alternate']);
    default:
      return false;
  }
}

function classify(node: Node | undefined, names: readonly (string | undefined)[]): ValueFacts {
  if (!node) return unknown;
  switch (node.type) {
    case 'Literal':
      return node['regex'] === undefined ? primitive : unknown;
    case 'TemplateLiteral':
    case 'BinaryExpression':
    case 'UnaryExpression':
    case 'UpdateExpression':
      return primitive;
    case 'Identifier': {
      const position = names.indexOf(node['name'] as string);
      return position < 0 ? unknown : { kind: 'parameter', position };
    }
    case 'ObjectExpression':
      return record(node, names);
    case 'ConditionalExpression':
      return merge([classify(node['consequent'] as Node, names), classify(node['alternate'] as Node, names)]);
    case 'SequenceExpression':
      return classify((node['expressions'] as readonly Node[]).at(-1), names);
    default:
      return unknown;
  }
}

function record(node: Node, names: readonly (string | undefined)[]): ValueFacts {
  const parts: RecordPart[] = [];
  for (const property of node['properties'] as readonly Node[]) {
    if (property.type === 'SpreadElement') {
      const argument = classify(property['argument'] as Node, names);
      if (argument.kind !== 'parameter') return unknown;
      parts.push({ spread: argument.position });
      continue;
    }
    const field = fieldName(property);
    if (field === undefined) return unknown;
    const value = property['value'] as Node;
    parts.push({ field, isPrimitive: classify(value, names).kind === 'primitive', reads: readField(value, names) });
  }
  return { kind: 'record', parts };
}

/** `parameter.field`, or `parameter['field']`. */
function readField(node: Node, names: readonly (string | undefined)[]): { position: number; field: string } | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  const object = classify(node['object'] as Node, names);
  const property = node['property'] as Node;
  const field = node['computed'] === true ? property['value'] : property.type === 'Identifier' ? property['name'] : undefined;
  return object.kind === 'parameter' && typeof field === 'string' ? { position: object.position, field } : undefined;
}

/** Undefined for methods, accessors, computed names, and names that do not become a field in the order of the text. */
function fieldName(property: Node): string | undefined {
  if (property['kind'] !== 'init' || property['method'] === true || property['computed'] === true) return undefined;
  const key = property['key'] as Node;
  const name = key.type === 'Identifier' ? (key['name'] as string) : key['value'];
  return typeof name === 'string' && name !== '__proto__' && !/^\d+$/.test(name) ? name : undefined;
}

/** What holds for all of them. */
function merge(all: readonly ValueFacts[]): ValueFacts {
  const [first, ...others] = all;
  if (!first) return unknown;
  return others.reduce((sum, next) => (sameFacts(sum, next) ? mergeParts(sum, next) : unknown), first);
}

function sameFacts(a: ValueFacts, b: ValueFacts): boolean {
  if (a.kind === 'parameter') return b.kind === 'parameter' && a.position === b.position;
  if (a.kind !== 'record') return a.kind === b.kind;
  return (
    b.kind === 'record' &&
    a.parts.length === b.parts.length &&
    a.parts.every((part, index) => {
      const other = b.parts[index] as RecordPart;
      return 'field' in part ? 'field' in other && part.field === other.field : 'spread' in other && part.spread === other.spread;
    })
  );
}

function mergeParts(a: ValueFacts, b: ValueFacts): ValueFacts {
  if (a.kind !== 'record' || b.kind !== 'record') return a;
  const parts = a.parts.map((part, index): RecordPart => {
    const other = b.parts[index] as RecordPart;
    if (!('field' in part && 'field' in other)) return part;
    const sameRead = part.reads?.position === other.reads?.position && part.reads?.field === other.reads?.field;
    return { field: part.field, isPrimitive: part.isPrimitive && other.isPrimitive, reads: sameRead ? part.reads : undefined };
  });
  return { kind: 'record', parts };
}
