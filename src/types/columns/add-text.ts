/** The code that adds a record of one layout to its columns: what `LayoutEncoder.addByLoop` does, in one function without loops. */
import { baseKind, type ColumnLayout, columnKind, fieldText, form, type Layout, nullable } from './layout.ts';

const perRecordBytes = '2';
const parameters = ['encoder', 'buffers', 'fields', 'plain', 'array', 'date', 'bytes', 'writeValue', 'addList'];

export interface AddText {
  readonly parameters: readonly string[];
  readonly text: string;
}

interface ColumnText {
  /** Outside of the function. */
  readonly declaration: string;
  /** True when the value does not fit; empty when that is not known before it is stored. */
  readonly misfit: string;
  /** Stores what may turn out not to fit, or not to be able to travel; adds to `more` what it takes. */
  readonly attempt?: string;
  readonly store: string;
  /** Rough bytes. */
  readonly bytes: string;
}

/** Undefined for layouts that are handled by plain steps. */
export function addText(layout: Layout, columns: readonly { readonly path: string }[], capacity: number): AddText | undefined {
  if (layout.fields.includes('__proto__')) return undefined;
  const texts = layout.columns.map((column, index) => columnText(column, index, (columns[index] as { path: string }).path));
  const reads = texts.flatMap(({ misfit }, index) => {
    const x = `x${index}`;
    return [
      `const ${x} = ${fieldText(layout, index, 'v')};`,
      ...(misfit === '' ? [] : [`if (${misfit}) return 0;`]),
      // A hole looks like undefined.
      ...(layout.form === form.tuple ? [`if (${x} === undefined) return 0;`] : []),
    ];
  });
  const attempts = texts.flatMap(({ attempt }) => attempt ?? []);
  const body = [
    ...reads,
    'const n = encoder.rows;',
    `if (n === ${capacity}) return 0;`,
    ...(attempts.length === 0
      ? []
      : ['let more = 0;', 'try {', ...attempts, '} catch (error) {', 'encoder.truncate(n);', 'throw error;', '}']),
    ...texts.map(({ store }) => store),
    'encoder.rows = n + 1;',
    `return ${[perRecordBytes, ...texts.map(({ bytes }) => bytes), ...(attempts.length === 0 ? [] : ['more'])].join(' + ')};`,
  ].join('\n');
  const text = `${texts.map(({ declaration }) => declaration).join('\n')}
return {
add(v) {\n${checkShape(layout).join('\n')}\n${body}\n},
addProven(v) {\n${body}\n},
};`;
  return { parameters, text };
}

function checkShape(layout: Layout): string[] {
  const count = layout.fields.length;
  switch (layout.form) {
    case form.value:
      return [];
    case form.tuple:
      return [`if (typeof v !== "object" || v === null || v.__proto__ !== array || v.length !== ${count}) return 0;`];
    default:
      // `__proto__` is read as an ordinary property: an inline cache answers it, where getPrototypeOf would be called.
      return [
        'if (typeof v !== "object" || v === null || v.__proto__ !== plain) return 0;',
        'let i = 0;',
        'for (const field in v) if (field !== fields[i++]) return 0;',
        `if (i !== ${count}) return 0;`,
      ];
  }
}

function columnText({ kind }: ColumnLayout, index: number, path: string): ColumnText {
  const x = `x${index}`;
  const c = `c${index}`;
  const mayMiss = kind >= nullable || kind === columnKind.missing;
  const isMissing = `${x} === null || ${x} === undefined`;
  const marks = mayMiss ? `const m${index} = b${index}.missing;` : '';
  const declare = (memory: string): string => `const b${index} = buffers[${index}]; ${marks} ${memory}`;
  const mark = mayMiss ? `m${index}[n] = ${x} === null ? 1 : ${x} === undefined ? 2 : 0;\n` : '';
  const misfit = (wrong: string): string => (mayMiss ? `(${wrong}) && ${x} !== null && ${x} !== undefined` : wrong);
  const unlessMissing = (expression: string, instead: string): string =>
    mayMiss ? `(${isMissing} ? ${instead} : ${expression})` : expression;
  const orElse = (instead: string): string => (mayMiss ? `(${x} ?? ${instead})` : x);
  const isInstance = (prototype: string): string => `typeof ${x} !== "object" || ${x} === null || ${x}.__proto__ !== ${prototype}`;
  const fails = '{ encoder.truncate(n); return 0; }';
  switch (baseKind(kind)) {
    case columnKind.number:
      return {
        declaration: declare(`const ${c} = b${index}.numbers;`),
        misfit: misfit(`typeof ${x} !== "number"`),
        store: `${mark}${c}[n] = ${orElse('0')};`,
        bytes: '4',
      };
    case columnKind.string:
      return {
        declaration: declare(`const ${c} = b${index}.strings;`),
        misfit: misfit(`typeof ${x} !== "string"`),
        store: `${mark}${c}[n] = ${orElse('""')};`,
        bytes: `1 + ${orElse('""')}.length`,
      };
    case columnKind.boolean:
      return {
        declaration: declare(`const ${c} = b${index}.bits;`),
        misfit: misfit(`typeof ${x} !== "boolean"`),
        store: `${mark}${c}[n] = ${x} === true ? 1 : 0;`,
        bytes: '1',
      };
    case columnKind.date:
      return {
        declaration: declare(`const ${c} = b${index}.numbers;`),
        misfit: misfit(isInstance('date')),
        store: `${mark}${c}[n] = ${unlessMissing(`${x}.getTime()`, '0')};`,
        bytes: '8',
      };
    case columnKind.bigint:
      return {
        declaration: declare(`const ${c} = b${index}.bigints;`),
        misfit: misfit(`typeof ${x} !== "bigint" || BigInt.asIntN(64, ${x}) !== ${x}`),
        store: `${mark}${c}[n] = ${orElse('0n')};`,
        bytes: '8',
      };
    case columnKind.bytes:
      return {
        declaration: declare(`const ${c} = b${index}.numbers; const w${index} = b${index}.any;`),
        misfit: misfit(isInstance('bytes')),
        attempt: `${c}[n] = ${unlessMissing(`${x}.length`, '0')};\nif (${c}[n] > 0) w${index}.bytes(${x});`,
        store: mark,
        bytes: `1 + ${c}[n]`,
      };
    case columnKind.any:
      return {
        declaration: declare(`const ${c} = b${index}.numbers; const w${index} = b${index}.any;`),
        misfit: '',
        attempt: `const p${index} = w${index}.position;
writeValue(w${index}, ${x}, ${JSON.stringify(path)});
more += (${c}[n] = w${index}.position) - p${index};`,
        store: '',
        bytes: '0',
      };
    case columnKind.nested: {
      const add = `const s${index} = d${index}.add(${x});\nif (s${index} === 0) ${fails}\nmore += s${index};`;
      return {
        declaration: declare(`const d${index} = b${index}.child;`),
        misfit: '',
        attempt: mayMiss ? `if (!(${isMissing})) {\n${add}\n}` : add,
        store: mark,
        bytes: '1',
      };
    }
    case columnKind.list: {
      const add = `const s${index} = addList(d${index}, ${x});\nif (s${index} === 0) ${fails}\nmore += s${index};\n${c}[n] = ${x}.length;`;
      return {
        declaration: declare(`const ${c} = b${index}.numbers; const d${index} = b${index}.child;`),
        misfit: misfit(isInstance('array')),
        attempt: mayMiss ? `if (${isMissing}) ${c}[n] = 0;\nelse {\n${add}\n}` : add,
        store: mark,
        bytes: '1',
      };
    }
    default:
      return { declaration: declare(''), misfit: `${x} !== null && ${x} !== undefined`, store: mark, bytes: '1' };
  }
}
