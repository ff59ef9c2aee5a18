/**
 * The source text of one chain: its operators fused into nested statements, user functions as calls that V8 can inline. Every
 * chain has a text of its own, because V8 shares what it learns about types between equal texts.
 *
 * Copies are the same as by plain calls, except where the text of the user functions proves that nobody could see the
 * difference (function-facts.ts): a record literal that nobody else holds is handed on, and a function that only reads is
 * given the record itself. Such proofs hold for flat records, so the code checks that fields are primitive where it must.
 */
import type { StreamOperator } from '../../../api/operators.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import type { RecordPart, ValueFacts } from '../../operators/function-facts.ts';
import {
  type AggregateFusion,
  type CollectingFusion,
  type Fusion,
  onlyReadsRecord,
  type ReduceFusion,
  type SinkFusion,
  type SourceFusion,
  type UserCall,
} from '../../operators/fusion.ts';
import { refusePromise } from '../../operators/user-function.ts';
import { type ChainPlan, hasSeveralChained, type PlannedEdge, type PlannedOperator, selectsByKey } from '../chain-plan.ts';
import { locateKeyError } from '../record-router.ts';
import { Bindings } from './bindings.ts';
import { keyText, routeText } from './route-text.ts';

/** What is known about the value in a variable. */
export interface KnownValue {
  readonly name: string;
  readonly primitive: boolean;
  /** Nobody else holds it: always, if it is flat, or not so far as is known. */
  readonly owned: 'always' | 'if-flat' | 'no';
  /** An expression that says whether all fields are primitive. */
  readonly flat: string;
  /** An operator before this one may still hold it: code that is not known to only read must get a copy. */
  readonly shared?: boolean | undefined;
  /** The names of its fields, in order, when it is a plain object with just these. */
  readonly fields?: readonly string[] | undefined;
}

export interface ChainText {
  readonly text: string;
  readonly bindings: Bindings;
}

export function chainText(plan: ChainPlan): ChainText {
  return new ChainWriter(plan).write();
}

class ChainWriter {
  readonly #plan: ChainPlan;
  readonly #bindings = new Bindings();
  readonly #functions: string[] = [];
  readonly #fieldLists = new Map<string, readonly string[]>();
  #variables = 0;

  constructor(plan: ChainPlan) {
    this.#plan = plan;
  }

  write(): ChainText {
    const { operators } = this.#plan;
    const emitters = operators.map((operator, index) => (isInline(operator) ? undefined : this.#emitter(index)));
    const inputs = this.#inputs();
    const range = this.#range();
    const results = `return { inputs: [${inputs.join(', ')}], collect: [${emitters.map((names) => names?.collect ?? 'undefined').join(', ')}], collectors: [${emitters
      .map((names) => names?.collector ?? 'undefined')
      .join(', ')}], range: ${range ?? 'undefined'} };`;
    const lines = ['"use strict";', this.#bindings.declarations(), flatText, ...this.#functions, results];
    return { text: lines.join('\n'), bindings: this.#bindings };
  }

  /** How records leave an operator that is not fused into its producer: by `output.collect`, and by its collector. */
  #emitter(index: number): { collect: string; collector: string | undefined } {
    const operator = this.#plan.operators[index] as PlannedOperator;
    const collect = `collect${index}`;
    const given = operator.emitsOwned ? 'always' : 'no';
    this.#functions.push(
      this.#function(collect, `v, t`, this.#emit(index, { name: 'v', primitive: false, owned: given, flat: 'false' }, 't')),
    );
    const { fusion } = operator;
    if (fusion?.kind !== 'collecting') return { collect, collector: undefined };
    const collector = `collector${index}`;
    const at = `${this.#bindings.name(fusion.collector, 'out')}.timestamp`;
    const body = `const t = ${at};\n${this.#afterCall('v', fusion.collected, undefined, undefined, (value) => this.#emit(index, value, 't'))}`;
    this.#functions.push(this.#function(collector, 'v', body));
    return { collect, collector };
  }

  #inputs(): string[] {
    const head = this.#plan.operators[0] as PlannedOperator;
    const names: string[] = [];
    for (const input of [0, 1]) {
      const method = input === 0 ? 'processElement' : 'processElement2';
      if (!head.operator[method]) continue;
      const value: KnownValue = { name: 'v', primitive: false, owned: 'always', flat: 'false' };
      const body = `${this.#setKey(head, input)}${input === 0 ? this.#consume(0, value, 't') : this.#call(head.operator, method, 'v', 't')}`;
      this.#functions.push(this.#function(`record${input}`, 'v, t', body));
      this.#functions.push(this.#loop(`input${input}`, `record${input}`));
      names.push(`input${input}`);
    }
    return names;
  }

  /** The loop of a source whose records follow from a number. */
  #range(): string | undefined {
    const { fusion } = this.#plan.operators[0] as PlannedOperator;
    if (fusion?.kind !== 'source') return undefined;
    const flow = this.#bindings.name(this.#plan.flow, 'flow');
    const { user, assigner, events } = fusion;
    const timestamp = assigner ? 't' : String(MIN_TIMESTAMP);
    const assign = assigner ? `const t = ${this.#bindings.name(assigner, 'assign')}(v, ${MIN_TIMESTAMP});\n` : '';
    const tell = events ? `const told = ${this.#bindings.name(events.onEvent, 'tell')}(v, ${timestamp});\n` : '';
    const update = events ? `if (told) ${this.#bindings.name(events.update, 'update')}();\n` : '';
    // A number that comes back is no object.
    const facts = user.facts.result.kind === 'parameter' ? { kind: 'primitive' as const } : user.facts.result;
    const { emitsOwned } = this.#plan.operators[0] as PlannedOperator;
    const emit = this.#afterCall('v', facts, undefined, undefined, (value) =>
      this.#emit(0, emitsOwned ? { ...value, owned: 'always' } : value, timestamp),
    );
    const body = `const v = ${this.#userCall(user, ['index'])};\nindex++;\n${assign}${tell}${emit}${update}if (${flow}.paused || ${flow}.interrupted > 0) break;\n`;
    this.#functions.push(this.#function('range', 'from, end', `let index = from;\nwhile (index < end) {\n${body}}\nreturn index;`));
    return 'range';
  }

  /** Without timestamps the loop passes a constant, which stays a constant in what V8 inlines. */
  #loop(name: string, record: string): string {
    const flow = this.#bindings.name(this.#plan.flow, 'flow');
    const loop = (timestamp: string): string =>
      `while (index < end) {\n${record}(values[index], ${timestamp}); index++;\nif (${flow}.paused || ${flow}.interrupted > 0) break;\n}`;
    return this.#function(
      name,
      'values, timestamps, index, end',
      `if (timestamps === undefined) ${loop(String(MIN_TIMESTAMP))}\nelse ${loop('timestamps[index]')}\nreturn index;`,
    );
  }

  #setKey(head: PlannedOperator, input: number): string {
    const selector = head.node.keySelectors[input];
    const { keyedState } = this.#plan;
    if (!keyedState || !selector) return '';
    const state = this.#bindings.name(keyedState, 'keyed');
    const locate = this.#bindings.name((error: unknown, value: unknown) => locateKeyError(error, head.node.name, value), 'locate');
    return `try { ${state}.setCurrentKey(${keyText(selector, 'v', this.#bindings)}); } catch (error) { throw ${locate}(error, v); }\n`;
  }

  #consume(index: number, value: KnownValue, timestamp: string): string {
    const { operator, fusion } = this.#plan.operators[index] as PlannedOperator;
    switch (fusion?.kind) {
      case 'map':
        return this.#map(index, fusion, value, timestamp);
      case 'filter':
        return this.#filter(index, fusion, value, timestamp);
      case 'collecting':
        return this.#collecting(index, fusion, value, timestamp);
      case 'reduce':
        return this.#reduce(index, fusion, value, timestamp);
      case 'aggregate':
        return this.#aggregate(index, fusion, value, timestamp);
      case 'source':
        return '';
      case 'sink':
        return this.#sink(index, fusion, value, timestamp);
      default:
        return this.#call(operator, 'processElement', value.name, timestamp);
    }
  }

  #map(index: number, { user }: Extract<Fusion, { kind: 'map' }>, value: KnownValue, timestamp: string): string {
    const result = this.#variable();
    const call = `const ${result} = ${this.#userCall(user, [value.name])};\n`;
    const node = (this.#plan.operators[index] as PlannedOperator).node;
    const check = mayBePromise(user.facts.result) ? this.#refusePromise(result, node.name, 'map') : '';
    return `${call}${check}${this.#afterCall(result, user.facts.result, value, user, (known) => this.#emit(index, known, timestamp))}`;
  }

  /** Works out what is known about a result and hands that on. */
  #afterCall(
    name: string,
    facts: ValueFacts,
    input: KnownValue | undefined,
    user: UserCall | undefined,
    next: (value: KnownValue) => string,
  ): string {
    const readsInput = input !== undefined && user?.facts.onlyReads(0) === true;
    if (facts.kind === 'primitive') return next({ name, primitive: true, owned: 'always', flat: 'true' });
    if (facts.kind === 'parameter' && facts.position === 0 && readsInput) return next(afterReading({ ...input, name }));
    // With object reuse others may change the value at any time.
    const isKept = facts.kind === 'record' && !this.#plan.objectReuse;
    const fields = isKept ? resolveFields(facts.parts, readsInput ? input : undefined) : undefined;
    if (!fields) return next({ name, primitive: false, owned: 'no', flat: 'false' });
    const names = fields.map(({ field }) => field);
    const doubtful = fields.filter((field) => !field.primitive).map(({ field }) => `isFlat(${name}[${JSON.stringify(field)}])`);
    if (doubtful.length === 0) return next({ name, primitive: false, owned: 'always', flat: 'true', fields: names });
    const flat = `flat${this.#variables++}$`;
    const rest = next({ name, primitive: false, owned: 'if-flat', flat, fields: names });
    return rest.includes(flat) ? `const ${flat} = ${doubtful.join(' && ')};\n${rest}` : rest;
  }

  #filter(index: number, { user }: Extract<Fusion, { kind: 'filter' }>, value: KnownValue, timestamp: string): string {
    const known = this.#plan.objectReuse ? value : user.facts.onlyReads(0) ? afterReading(value) : afterAnything(value);
    const emit = this.#emit(index, known, timestamp);
    const call = this.#userCall(user, [value.name]);
    if (!mayBePromise(user.facts.result)) return `if (${call}) {\n${emit}}\n`;
    const keep = this.#variable();
    const { node } = this.#plan.operators[index] as PlannedOperator;
    return `const ${keep} = ${call};\n${this.#refusePromise(keep, node.name, 'filter')}if (${keep}) {\n${emit}}\n`;
  }

  #collecting(index: number, fusion: CollectingFusion, value: KnownValue, timestamp: string): string {
    const { user, context, collector } = fusion;
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const out = this.#bindings.name(collector, 'out');
    const results = this.#variable();
    const parameters = context ? [value.name, this.#bindings.name(context, 'context'), out] : [value.name, out];
    return (
      `if (${operator}.interrupted) ${operator}.processElement(${this.#copyUnlessOwned(index, value)}, ${timestamp});\nelse {\n` +
      `${out}.timestamp = ${timestamp};\nconst ${results} = ${this.#userCall(user, parameters)};\n` +
      `if (${results} !== undefined && ${results} !== null) ${operator}.emitResults(${results}, ${timestamp});\n}\n`
    );
  }

  #reduce(index: number, fusion: ReduceFusion, value: KnownValue, timestamp: string): string {
    const { user } = fusion;
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const state = this.#bindings.name(fusion.state, 'state');
    const [former, result] = [this.#variable(), this.#variable()];
    const { node } = this.#plan.operators[index] as PlannedOperator;
    const check = mayBePromise(user.facts.result) ? this.#refusePromise(result, node.name, 'reduce') : '';
    // Which of the two a function gave back is not followed.
    const facts: ValueFacts = user.facts.result.kind === 'parameter' ? { kind: 'unknown' } : user.facts.result;
    const emit = this.#afterCall(result, facts, undefined, undefined, (known) => this.#emit(index, heldByState(known), timestamp));
    return (
      `if (${operator}.interrupted) ${operator}.processElement(${this.#copyUnlessOwned(index, value)}, ${timestamp});\nelse {\n` +
      `const ${former} = ${state}.value();\n` +
      `if (${former} === null) {\n${state}.update(${value.name});\ncollect${index}(${value.name}, ${timestamp});\n} else {\n` +
      `const ${result} = ${this.#userCall(user, [former, value.name])};\n${check}${state}.update(${result});\n${emit}}\n}\n`
    );
  }

  /** State's own object is changed in place and a copy is emitted: one new object a record. */
  #aggregate(index: number, fusion: AggregateFusion, value: KnownValue, timestamp: string): string {
    const { field, aggregate } = fusion.aggregate;
    const operator = this.#bindings.name(fusion.operator, 'operator');
    if (this.#plan.objectReuse || field === '__proto__') return this.#call(fusion.operator, 'processElement', value.name, timestamp);
    const state = this.#bindings.name(fusion.state, 'state');
    const cloner = this.#bindings.name((this.#plan.operators[index] as PlannedOperator).cloner, 'clone');
    const [former, result] = [this.#variable(), this.#variable()];
    const [a, b] = [former, value.name].map((name) => `${name}[${JSON.stringify(field)}]`);
    const keep = `${result} = ${cloner}(${former});\n`;
    const replace = `{\n${result} = ${cloner}(${value.name});\n${state}.update(${value.name});\n} else ${keep}`;
    const steps: Readonly<Record<typeof aggregate, string>> = {
      sum: `${a} = ${a} + ${b};\n${keep}`,
      min: `if (${b} < ${a}) ${a} = ${b};\n${keep}`,
      max: `if (${b} > ${a}) ${a} = ${b};\n${keep}`,
      minBy: `if (${b} < ${a}${fusion.aggregate.first === false ? ` || ${b} === ${a}` : ''}) ${replace}`,
      maxBy: `if (${b} > ${a}${fusion.aggregate.first === false ? ` || ${b} === ${a}` : ''}) ${replace}`,
    };
    const emit = this.#emit(index, { name: result, primitive: false, owned: 'always', flat: 'false' }, timestamp);
    return (
      `if (${operator}.interrupted) ${operator}.processElement(${this.#copyUnlessOwned(index, value)}, ${timestamp});\nelse {\n` +
      `const ${former} = ${state}.value();\nlet ${result};\n` +
      `if (${former} === null) {\n${result} = ${value.name};\n${state}.update(${cloner}(${value.name}));\n` +
      `} else {\n${steps[aggregate]}}\n${emit}}\n`
    );
  }

  #sink(index: number, fusion: SinkFusion, value: KnownValue, timestamp: string): string {
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const result = this.#variable();
    const call = this.#userCall(fusion.user, [value.name, this.#bindings.name(fusion.context, 'context')]);
    return (
      `if (${operator}.interrupted) ${operator}.processElement(${this.#copyUnlessOwned(index, value)}, ${timestamp});\nelse {\n` +
      `${operator}.timestamp = ${timestamp};\nconst ${result} = ${call};\n` +
      `if (${result} !== undefined) ${operator}.waitIfAsync(${result});\n}\n`
    );
  }

  /** To every consumer: edges first, as they copy before a chained consumer can change the value. */
  #emit(index: number, value: KnownValue, timestamp: string): string {
    const { targets } = this.#plan.operators[index] as PlannedOperator;
    const main = targets.filter((target) => target.tag === undefined);
    const mustFix = !this.#plan.objectReuse && !value.primitive && value.owned !== 'always' && hasSeveralChained(main);
    const fixed = mustFix ? this.#unshare(index, value) : undefined;
    let known = fixed?.value ?? value;
    const statements = main
      .map((target, position) => {
        const mustUnshare = target.kind === 'edge' && known.shared && !this.#plan.objectReuse && !onlyReadsByKey(target);
        const before = mustUnshare ? this.#unshare(index, known) : undefined;
        if (before) known = before.value;
        if (target.kind === 'edge') known = this.#afterSelecting(target, known);
        // Only the last one may take the value over: those before it leave it to the others.
        const given: KnownValue = position === main.length - 1 || known.primitive ? known : { ...known, owned: 'no' };
        if (target.kind === 'edge') return `${before?.text ?? ''}${this.#emitToEdge(target, given, timestamp)}`;
        return this.#handOver(index, target.to, given, (received) => this.#consume(target.to, received, timestamp));
      })
      .join('');
    return `${fixed?.text ?? ''}${statements}`;
  }

  #unshare(from: number, value: KnownValue): { text: string; value: KnownValue } {
    const name = this.#variable();
    return { text: `const ${name} = ${this.#copy(from, value)};\n`, value: { ...value, name, owned: 'always', shared: false } };
  }

  /** A key selector sees the record too. */
  #afterSelecting(edge: PlannedEdge, value: KnownValue): KnownValue {
    if (this.#plan.objectReuse || !selectsByKey(edge)) return value;
    return onlyReadsByKey(edge) ? afterReading(value) : afterAnything(value);
  }

  #emitToEdge(edge: PlannedEdge, value: KnownValue, timestamp: string): string {
    const owned = this.#plan.objectReuse ? 'true' : ownedExpression(value);
    const writer = routeText(edge, value.name, this.#bindings);
    if (writer.broadcast !== undefined) return `${writer.broadcast}.broadcast(${value.name}, ${timestamp});\n`;
    const fields = value.fields ? `, ${this.#bindings.name(this.#fieldList(value.fields), 'fields')}` : '';
    const add = `${writer.expression}.add(${value.name}, ${timestamp}${fields});\n`;
    const addOwned = `${writer.expression}.addOwned(${value.name}, ${timestamp}${fields});\n`;
    if (owned === 'true') return `${writer.statements}${addOwned}`;
    if (owned === 'false') return `${writer.statements}${add}`;
    return `${writer.statements}if (${owned}) ${addOwned}else ${add}`;
  }

  /** Gives the value to a chained operator: itself or a copy. */
  #handOver(from: number, to: number, value: KnownValue, next: (value: KnownValue) => string): string {
    const { fusion, keepsNothing } = this.#plan.operators[to] as PlannedOperator;
    if (this.#plan.objectReuse || value.primitive || value.owned === 'always' || keepsNothing) return next(value);
    const onlyReads = takesRecord(fusion) && fusion.user.facts.onlyReads(0);
    const mayShare = onlyReads || value.owned === 'if-flat';
    const copy = this.#variable();
    const cloned = this.#copy(from, value);
    if (mayShare && value.flat === 'true') return next({ ...value, shared: value.owned === 'no' });
    const text = mayShare && value.flat !== 'false' ? `${value.flat} ? ${value.name} : ${cloned}` : cloned;
    const owned = mayShare && value.flat !== 'false' && value.owned === 'no' ? 'no' : 'always';
    return `const ${copy} = ${text};\n${next({ ...value, name: copy, owned, shared: owned === 'no' })}`;
  }

  /** For a consumer that will keep the value. */
  #copyUnlessOwned(to: number, value: KnownValue): string {
    const owned = this.#plan.objectReuse ? 'true' : ownedExpression(value);
    if (owned === 'true') return value.name;
    const from = this.#plan.operators.findIndex(({ targets }) => targets.some((target) => target.kind === 'chained' && target.to === to));
    const copy = this.#copy(from, value);
    return owned === 'false' ? copy : `(${owned} ? ${value.name} : ${copy})`;
  }

  #copy(from: number, value: KnownValue): string {
    const any = this.#copyAny(from, value);
    if (!value.fields || value.flat === 'false') return any;
    const name = (field: string): string => JSON.stringify(field);
    const literal = `{ ${value.fields.map((field) => `${name(field)}: ${value.name}[${name(field)}]`).join(', ')} }`;
    return value.flat === 'true' ? literal : `(${value.flat} ? ${literal} : ${any})`;
  }

  #copyAny(from: number, value: KnownValue): string {
    const cloner = this.#bindings.name((this.#plan.operators[from] as PlannedOperator).cloner, 'clone');
    return `(typeof ${value.name} === "number" || typeof ${value.name} === "string" ? ${value.name} : ${cloner}(${value.name}))`;
  }

  /** The same list for equal names. */
  #fieldList(fields: readonly string[]): readonly string[] {
    const name = JSON.stringify(fields);
    const list = this.#fieldLists.get(name) ?? fields;
    this.#fieldLists.set(name, list);
    return list;
  }

  #refusePromise(name: string, operatorName: string, call: string): string {
    const checks = this.#bindings.name({ pending: true }, 'first');
    const refuse = this.#bindings.name((value: unknown) => refusePromise(value, operatorName, call), 'refuse');
    return `if (${checks}.pending) { ${checks}.pending = false; ${refuse}(${name}); }\n`;
  }

  #userCall({ call, receiver }: UserCall, parameters: readonly string[]): string {
    const name = this.#bindings.name(call, 'f');
    if (receiver === undefined) return `${name}(${parameters.join(', ')})`;
    return `${name}.call(${[this.#bindings.name(receiver, 'self'), ...parameters].join(', ')})`;
  }

  #call(operator: StreamOperator, method: string, value: string, timestamp: string): string {
    return `${this.#bindings.name(operator, 'operator')}.${method}(${value}, ${timestamp});\n`;
  }

  #function(name: string, parameters: string, body: string): string {
    return `function ${name}(${parameters}) {\n${body}}`;
  }

  #variable(): string {
    return `v${this.#variables++}`;
  }
}

/** Its function is given the record and nothing keeps it afterwards. */
function takesRecord(fusion: Fusion | undefined): fusion is Exclude<Fusion, ReduceFusion | AggregateFusion | SourceFusion> {
  return fusion !== undefined && fusion.kind !== 'reduce' && fusion.kind !== 'aggregate' && fusion.kind !== 'source';
}

/** State holds it, and the next call of the function may change it. */
function heldByState(value: KnownValue): KnownValue {
  return value.primitive ? value : { ...value, owned: 'no', shared: true };
}

/** Fused into its producer: nobody calls its output. */
function isInline({ fusion }: PlannedOperator): boolean {
  return fusion?.kind === 'map' || fusion?.kind === 'filter';
}

/** Each `typeof` by itself: compared with a constant at once it is a few instructions, kept in a variable it is a call. */
const flatText = `function isFlat(x) {
return typeof x === "number" || typeof x === "string" || x === null || (typeof x !== "object" && typeof x !== "function" && typeof x !== "symbol");
}`;

/** True also where no key is selected. */
function onlyReadsByKey({ partitioner }: PlannedEdge): boolean {
  return (partitioner.kind !== 'hash' && partitioner.kind !== 'custom') || onlyReadsRecord(partitioner.keySelector);
}

function mayBePromise(facts: ValueFacts): boolean {
  return facts.kind === 'unknown';
}

/** A function that only reads may still keep what is inside a field. */
function afterReading(value: KnownValue): KnownValue {
  if (value.primitive || value.flat === 'true' || value.owned !== 'always') return value;
  return { ...value, owned: value.flat === 'false' ? 'no' : 'if-flat' };
}

function afterAnything(value: KnownValue): KnownValue {
  return value.primitive ? value : { name: value.name, primitive: false, owned: 'no', flat: 'false', shared: value.shared };
}

function ownedExpression(value: KnownValue): string {
  if (value.primitive || value.owned === 'always') return 'true';
  return value.owned === 'no' ? 'false' : value.flat;
}

/** The fields that a literal ends up with; undefined when a spread value is not known well enough. */
function resolveFields(parts: readonly RecordPart[], input: KnownValue | undefined): { field: string; primitive: boolean }[] | undefined {
  const fields = new Map<string, boolean>();
  for (const part of parts) {
    if ('field' in part) {
      fields.set(part.field, part.primitive);
      continue;
    }
    if (part.spread !== 0 || !input?.fields) return undefined;
    for (const field of input.fields) fields.set(field, input.flat === 'true');
  }
  return Array.from(fields, ([field, primitive]) => ({ field, primitive }));
}
