/**
 * The source text of one chain: its operators fused into nested statements, user functions as calls that V8 can inline. Every
 * chain has a text of its own, because V8 shares what it learns about types between equal texts.
 *
 * Copies are the same as by plain calls, except where the text of the user functions proves that nobody could see the
 * difference (function-facts.ts): a record literal that nobody else holds is handed on, and a function that only reads is
 * given the record itself. Such proofs hold for flat records: where a field may be an object the code looks, and a record that
 * is not flat leaves the fast path by the operator's general `collect`, which copies.
 */
import type { StreamOperator } from '../../../api/operators.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import type { ResultPartitionWriter } from '../../network/channel.ts';
import type { GatheredColumns } from '../../network/gathered-columns.ts';
import type { ValueFacts } from '../../operators/function-facts.ts';
import { factsOf } from '../../operators/function-facts.ts';
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
import { locateRefused } from '../record-router.ts';
import { Bindings } from './bindings.ts';
import {
  afterAnything,
  afterReading,
  flatRecord,
  heldByState,
  type KnownValue,
  literalText,
  primitiveValue,
  resolveFields,
  unknownValue,
} from './known-value.ts';
import { canLookAhead, keyText, lookAheadText, routeText } from './route-text.ts';

/** Wider records are handed over as they are. */
const mostColumns = 32;

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
  /** By name. */
  readonly #functions = new Map<string, string>();
  readonly #gatheredBy = new Map<ResultPartitionWriter, readonly GatheredColumns[]>();
  readonly #fieldLists = new Map<string, readonly string[]>();
  #variables = 0;

  constructor(plan: ChainPlan) {
    this.#plan = plan;
  }

  write(): ChainText {
    const { operators } = this.#plan;
    const collect = operators.map((operator, index) => (isInline(operator) ? 'undefined' : this.#collect(index)));
    const collectors = operators.map((_, index) => this.#collector(index) ?? 'undefined');
    const inputs = this.#inputs();
    const range = this.#range() ?? 'undefined';
    const parts = [
      `inputs: [${inputs.join(', ')}]`,
      `collect: [${collect.join(', ')}]`,
      `collectors: [${collectors.join(', ')}]`,
      `range: ${range}`,
    ];
    const results = `return { ${parts.join(', ')} };`;
    const lines = ['"use strict";', this.#bindings.declarations(), flatText, ...this.#functions.values(), results];
    return { text: lines.join('\n'), bindings: this.#bindings };
  }

  /** How a record leaves an operator when nothing is known about it. */
  #collect(index: number): string {
    const name = `collect${index}`;
    if (!this.#functions.has(name)) {
      const { emitsOwned } = this.#plan.operators[index] as PlannedOperator;
      // Known before its text is, which may refer to itself.
      this.#functions.set(name, '');
      this.#function(name, 'v, t', this.#emit(index, unknownValue('v', emitsOwned), 't'));
    }
    return name;
  }

  /** How a record leaves by the collector that a user function is given. */
  #collector(index: number): string | undefined {
    const { fusion } = this.#plan.operators[index] as PlannedOperator;
    if (fusion?.kind !== 'collecting') return undefined;
    const timestamp = `const t = ${this.#bindings.name(fusion.collector, 'out')}.timestamp;\n`;
    const emit = this.#afterCall(index, 'v', 't', fusion.collected, undefined, (value) => this.#emit(index, value, 't'));
    return this.#function(`collector${index}`, 'v', `${timestamp}${emit}`);
  }

  #inputs(): string[] {
    const head = this.#plan.operators[0] as PlannedOperator;
    const names: string[] = [];
    for (const input of [0, 1]) {
      const method = input === 0 ? 'processElement' : 'processElement2';
      if (!head.operator[method]) continue;
      const process = input === 0 ? this.#consume(0, unknownValue('v', true), 't') : this.#call(head.operator, method, 'v', 't');
      const record = this.#function(`record${input}`, 'v, t, at', `${this.#setKey(head, input)}${process}`);
      const values = this.#loop(`input${input}`, record, this.#lookAhead(head, input), head.node.name);
      names.push(`{ values: ${values}, record: ${record} }`);
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
    const seen = (assigner && !factsOf(assigner).onlyReads(0)) || (events && !events.onlyReads);
    const emit = this.#afterCall(0, 'v', timestamp, facts, undefined, (value) => {
      if (emitsOwned) return this.#emit(0, { ...value, isOwned: true }, timestamp);
      return this.#emit(0, seen ? afterAnything(value) : value, timestamp);
    });
    const make = `const v = ${this.#userCall(user, ['index'])};\nindex++;\n`;
    const body = `${make}${assign}${tell}${emit}${update}if (${flow}.paused || ${flow}.interrupted > 0) break;\n`;
    return this.#function('range', 'from, end', `let index = from;\nwhile (index < end) {\n${body}}\nreturn index;`);
  }

  /**
   * Where asking a record for its key does nothing else, the state of all records is looked up before the first one is processed.
   * A record that has no fields is left to the loop.
   */
  #lookAhead(head: PlannedOperator, input: number): string {
    const selector = head.node.keySelectors[input];
    const { keyedState } = this.#plan;
    if (!keyedState || !selector || !canLookAhead(selector)) return '';
    const text = lookAheadText(this.#bindings.name(keyedState, 'keyed'), keyText(selector, 'values[i]', this.#bindings));
    return `${this.#function(`expect${input}`, 'values, index, end', text)}(values, index, end);\n`;
  }

  /**
   * Without timestamps the loop passes a constant, which stays a constant in what V8 inlines. What is thrown is looked at outside:
   * a handler that knows the record, inside, would make V8 allocate each record.
   */
  #loop(name: string, record: string, before: string, operatorName: string): string {
    const flow = this.#bindings.name(this.#plan.flow, 'flow');
    const locate = this.#bindings.name(locateRefused(operatorName, this.#plan.keyedState), 'locate');
    const loop = (timestamp: string): string =>
      `while (index < end) {\n${record}(values[index], ${timestamp}, index - from); index++;\nif (${flow}.paused || ${flow}.interrupted > 0) break;\n}`;
    return this.#function(
      name,
      'values, timestamps, index, end',
      `${before}const from = index;\ntry {\nif (timestamps === undefined) ${loop(String(MIN_TIMESTAMP))}\nelse ${loop('timestamps[index]')}\n` +
        `} catch (error) { throw ${locate}(error, values[index]); }\nreturn index;`,
    );
  }

  #setKey(head: PlannedOperator, input: number): string {
    const selector = head.node.keySelectors[input];
    const { keyedState } = this.#plan;
    if (!keyedState || !selector) return '';
    const state = this.#bindings.name(keyedState, 'keyed');
    const key = keyText(selector, 'v', this.#bindings);
    return canLookAhead(selector) ? `${state}.setExpectedKey(at, ${key});\n` : `${state}.setCurrentKey(${key});\n`;
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
    const { result: facts } = user.facts;
    const check = this.#refusePromise(facts, result, index, 'map');
    const input = user.facts.onlyReads(0) ? value : undefined;
    return `${call}${check}${this.#afterCall(index, result, timestamp, facts, input, (known) => this.#emit(index, known, timestamp))}`;
  }

  /**
   * Works out what is known about a result and hands that on. `input` is what the function was given, if it only reads it.
   */
  #afterCall(
    index: number,
    name: string,
    timestamp: string,
    facts: ValueFacts,
    input: KnownValue | undefined,
    next: (value: KnownValue) => string,
  ): string {
    if (facts.kind === 'primitive') return next(primitiveValue(name));
    if (facts.kind === 'parameter' && facts.position === 0 && input) return next(afterReading({ ...input, name }));
    // With object reuse others may change the value at any time.
    const isKept = facts.kind === 'record' && !this.#plan.objectReuse;
    const fields = isKept ? resolveFields(facts.parts, input) : undefined;
    if (!fields) return next(unknownValue(name, false));
    const doubtful = fields.filter(({ isPrimitive }) => !isPrimitive).map(({ field }) => `isFlat(${name}[${JSON.stringify(field)}])`);
    const fast = next(
      flatRecord(
        name,
        fields.map(({ field }) => field),
      ),
    );
    if (doubtful.length === 0) return fast;
    return `if (${doubtful.join(' && ')}) {\n${fast}} else ${this.#collect(index)}(${name}, ${timestamp});\n`;
  }

  #filter(index: number, { user }: Extract<Fusion, { kind: 'filter' }>, value: KnownValue, timestamp: string): string {
    const known = this.#plan.objectReuse ? value : user.facts.onlyReads(0) ? afterReading(value) : afterAnything(value);
    const keep = this.#variable();
    const call = `const ${keep} = ${this.#userCall(user, [value.name])};\n`;
    const check = this.#refusePromise(user.facts.result, keep, index, 'filter');
    return `${call}${check}if (${keep}) {\n${this.#emit(index, known, timestamp)}}\n`;
  }

  #collecting(index: number, fusion: CollectingFusion, value: KnownValue, timestamp: string): string {
    const { user, context, collector } = fusion;
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const out = this.#bindings.name(collector, 'out');
    const results = this.#variable();
    const parameters = context ? [value.name, this.#bindings.name(context, 'context'), out] : [value.name, out];
    return (
      `${this.#unlessInterrupted(index, operator, value, timestamp)}` +
      `${out}.timestamp = ${timestamp};\nconst ${results} = ${this.#userCall(user, parameters)};\n` +
      `if (${results} !== undefined && ${results} !== null) ${operator}.emitResults(${results}, ${timestamp});\n}\n`
    );
  }

  /**
   * To stand before a block: what is in hand waits while the operator has unfinished work. The head never has, as the task lets it
   * finish first: without that call no record of its input has to exist.
   */
  #unlessInterrupted(index: number, operator: string, value: KnownValue, timestamp: string): string {
    if (index === 0) return '{\n';
    return `if (${operator}.interrupted) ${operator}.processElement(${this.#copyUnlessOwned(index, value)}, ${timestamp});\nelse {\n`;
  }

  #reduce(index: number, fusion: ReduceFusion, value: KnownValue, timestamp: string): string {
    const { user } = fusion;
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const state = this.#bindings.name(fusion.state, 'state');
    const [former, result] = [this.#variable(), this.#variable()];
    const check = this.#refusePromise(user.facts.result, result, index, 'reduce');
    // Which of the two a function gave back is not followed.
    const facts: ValueFacts = user.facts.result.kind === 'parameter' ? { kind: 'unknown' } : user.facts.result;
    const next = (known: KnownValue): string => this.#emit(index, heldByState(known), timestamp);
    const emit = this.#afterCall(index, result, timestamp, facts, undefined, next);
    return (
      `${this.#unlessInterrupted(index, operator, value, timestamp)}` +
      `const ${former} = ${state}.value();\n` +
      `if (${former} === null) {\n${state}.update(${value.name});\n${this.#collect(index)}(${value.name}, ${timestamp});\n} else {\n` +
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
    const emit = this.#emit(index, unknownValue(result, true), timestamp);
    return (
      `${this.#unlessInterrupted(index, operator, value, timestamp)}` +
      `const ${former} = ${state}.value();\nlet ${result};\n` +
      `if (${former} === null) {\n${result} = ${value.name};\n${state}.update(${cloner}(${value.name}));\n` +
      `} else {\n${steps[aggregate]}}\n${emit}}\n`
    );
  }

  #sink(index: number, fusion: SinkFusion, value: KnownValue, timestamp: string): string {
    const operator = this.#bindings.name(fusion.operator, 'operator');
    const result = this.#variable();
    const call = this.#userCall(fusion.user, [value.name, this.#bindings.name(fusion.context, 'context')]);
    // The context tells the timestamp to those who ask.
    const stamp = fusion.user.facts.ignores(1) ? '' : `${operator}.timestamp = ${timestamp};\n`;
    return (
      `${this.#unlessInterrupted(index, operator, value, timestamp)}` +
      `${stamp}const ${result} = ${call};\nif (${result} !== undefined) ${operator}.waitIfAsync(${result});\n}\n`
    );
  }

  /** To every consumer: edges first, as they copy before a chained consumer can change the value. */
  #emit(index: number, value: KnownValue, timestamp: string): string {
    const { targets } = this.#plan.operators[index] as PlannedOperator;
    const main = targets.filter((target) => target.tag === undefined);
    const mustFix = !this.#plan.objectReuse && !value.isOwned && hasSeveralChained(main);
    const fixed = mustFix ? this.#copyInto(index, value) : undefined;
    let known = fixed?.value ?? value;
    const statements = main
      .map((target, position) => {
        const isLast = position === main.length - 1;
        if (target.kind === 'chained') return this.#handOver(index, target.to, forConsumer(known, isLast), timestamp);
        const mustCopy = known.isShared && !this.#plan.objectReuse && !onlyReadsByKey(target);
        const copied = mustCopy ? this.#copyInto(index, known) : undefined;
        known = this.#afterSelecting(target, copied?.value ?? known);
        return `${copied?.text ?? ''}${this.#emitToEdge(target, forConsumer(known, isLast), timestamp)}`;
      })
      .join('');
    return `${fixed?.text ?? ''}${statements}`;
  }

  #copyInto(from: number, value: KnownValue): { text: string; value: KnownValue } {
    const name = this.#variable();
    return { text: `const ${name} = ${this.#copy(from, value)};\n`, value: { ...value, name, isOwned: true, isShared: false } };
  }

  /** A key selector sees the record too. */
  #afterSelecting(edge: PlannedEdge, value: KnownValue): KnownValue {
    if (this.#plan.objectReuse || !selectsByKey(edge)) return value;
    return onlyReadsByKey(edge) ? afterReading(value) : afterAnything(value);
  }

  #emitToEdge(edge: PlannedEdge, value: KnownValue, timestamp: string): string {
    const { partition } = edge;
    const { statements, index } = routeText(edge, value.name, this.#bindings);
    if (index === undefined) return `${this.#bindings.name(partition, 'partition')}.broadcast(${value.name}, ${timestamp});\n`;
    const method = this.#plan.objectReuse || value.isOwned ? 'addOwned' : 'add';
    const one = <T>(all: readonly T[], hint: string, at: number | string): string =>
      typeof at === 'number' ? this.#bindings.name(all[at], hint) : `${this.#bindings.name(all, `${hint}s`)}[${at}]`;
    const fields = value.isFlat ? value.fields : undefined;
    if (!fields || fields.length > mostColumns)
      return `${statements}${one(partition.writers, 'writer', index)}.${method}(${value.name}, ${timestamp});\n`;
    const list = this.#bindings.name(this.#fieldList(fields), 'fields');
    // A name of its own for what may be a call.
    const chosen = typeof index === 'number' ? index : this.#variable();
    const choose = typeof index === 'number' ? '' : `const ${chosen} = ${index};\n`;
    const add = `${one(partition.writers, 'writer', chosen)}.${method}(${value.name}, ${timestamp}, ${list});\n`;
    const gathered = one(this.#gathered(partition), 'gathered', chosen);
    return `${statements}${choose}${this.#writeFields(gathered, value.name, fields, list, timestamp)}else ${add}`;
  }

  /** Field by field: where all that is done to a record could be seen, it need not be made. */
  #writeFields(gathered: string, record: string, fields: readonly string[], list: string, timestamp: string): string {
    const [target, columns, row] = [this.#variable(), this.#variable(), this.#variable()];
    const cells = fields.map(() => this.#variable());
    const reads = fields.map((field, index) => `const ${cells[index]} = ${record}[${JSON.stringify(field)}];\n`).join('');
    const stores = cells.map((cell, index) => `${columns}[${index}][${row}] = ${cell};\n`).join('');
    const chars = cells.map((cell) => `(typeof ${cell} === "string" ? ${cell}.length : 0)`).join(' + ');
    return (
      `const ${target} = ${gathered};\nconst ${columns} = ${target}.columnsFor(${list});\nif (${columns} !== undefined) {\n` +
      `const ${row} = ${target}.count;\n${reads}${stores}${target}.added(${timestamp}, ${chars});\n} `
    );
  }

  /** The same list for the same partition. */
  #gathered(partition: ResultPartitionWriter): readonly GatheredColumns[] {
    let gathered = this.#gatheredBy.get(partition);
    if (!gathered) {
      gathered = partition.writers.map(({ columns }) => columns);
      this.#gatheredBy.set(partition, gathered);
    }
    return gathered;
  }

  /** Gives the value to a chained operator: itself or a copy. */
  #handOver(from: number, to: number, value: KnownValue, timestamp: string): string {
    const { fusion, keepsNothing } = this.#plan.operators[to] as PlannedOperator;
    if (this.#plan.objectReuse || value.isOwned || keepsNothing) return this.#consume(to, value, timestamp);
    const onlyReads = takesRecord(fusion) && fusion.user.facts.onlyReads(0);
    if (onlyReads && value.isFlat) return this.#consume(to, { ...value, isShared: true }, timestamp);
    const copied = this.#copyInto(from, value);
    return `${copied.text}${this.#consume(to, copied.value, timestamp)}`;
  }

  /** For a consumer that will keep the value. */
  #copyUnlessOwned(to: number, value: KnownValue): string {
    if (this.#plan.objectReuse || value.isOwned) return value.name;
    const from = this.#plan.operators.findIndex(({ targets }) => targets.some((target) => target.kind === 'chained' && target.to === to));
    return this.#copy(from, value);
  }

  #copy(from: number, value: KnownValue): string {
    const { name, fields, isFlat } = value;
    if (isFlat && fields) return literalText(name, fields);
    const cloner = this.#bindings.name((this.#plan.operators[from] as PlannedOperator).cloner, 'clone');
    return `(typeof ${name} === "number" || typeof ${name} === "string" ? ${name} : ${cloner}(${name}))`;
  }

  /** The same list for equal names. */
  #fieldList(fields: readonly string[]): readonly string[] {
    const name = JSON.stringify(fields);
    const list = this.#fieldLists.get(name) ?? fields;
    this.#fieldLists.set(name, list);
    return list;
  }

  /** Looks at the first result, unless it is proved to be no promise. */
  #refusePromise(facts: ValueFacts, name: string, index: number, call: string): string {
    if (facts.kind !== 'unknown') return '';
    const { node } = this.#plan.operators[index] as PlannedOperator;
    const checks = this.#bindings.name({ pending: true }, 'first');
    const refuse = this.#bindings.name((value: unknown) => refusePromise(value, node.name, call), 'refuse');
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
    this.#functions.set(name, `function ${name}(${parameters}) {\n${body}}`);
    return name;
  }

  #variable(): string {
    return `v${this.#variables++}`;
  }
}

/** Its function is given the record and nothing keeps it afterwards. */
function takesRecord(fusion: Fusion | undefined): fusion is Exclude<Fusion, ReduceFusion | AggregateFusion | SourceFusion> {
  return fusion !== undefined && fusion.kind !== 'reduce' && fusion.kind !== 'aggregate' && fusion.kind !== 'source';
}

/** Only the last consumer may take a value over: those before it leave it to the others. */
function forConsumer(value: KnownValue, isLast: boolean): KnownValue {
  return isLast || value.isPrimitive ? value : { ...value, isOwned: false };
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
