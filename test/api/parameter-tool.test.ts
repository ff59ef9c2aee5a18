/** Program arguments as Flink's ParameterTool reads them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParameterTool } from 'weir';

const from = (line: string): ParameterTool => ParameterTool.fromArgs(line === '' ? [] : line.split(' '));

test('keys, values, flags, and values that look like keys', () => {
  const parameters = from('--input a.txt -output out --n -5 --rate -.5 --url=http://x/?a=b --verbose --last');
  expect(parameters.toMap()).toMatchObject({ input: 'a.txt', output: 'out', n: '-5', rate: '-.5', url: 'http://x/?a=b' });
  expect([parameters.getInt('n'), parameters.getDouble('rate'), parameters.get('input')]).toEqual([-5, -0.5, 'a.txt']);
  expect([parameters.has('verbose'), parameters.has('quiet'), parameters.getBoolean('last')]).toEqual([true, false, true]);
  expect([parameters.get('verbose'), parameters.get('verbose', 'x'), parameters.get('none', 'default')]).toEqual([
    undefined,
    'x',
    'default',
  ]);
  expect(parameters.getNumberOfParameters()).toBe(7);
  expect(ParameterTool.fromArgs(['--text', 'two words']).get('text')).toBe('two words');
  expect(ParameterTool.fromArgs(['--empty=']).get('empty')).toBe('');
});

test('whatever values are given come back', () => {
  const key = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/);
  fc.assert(
    fc.property(fc.dictionary(key, fc.string()), (values) => {
      const args = Object.entries(values).map(([name, value]) => `--${name}=${value}`);
      expect(ParameterTool.fromArgs(args).toMap()).toEqual({ ...values });
    }),
  );
});

test('a key that comes twice: the last one counts, and all are there', () => {
  const parameters = from('--input a --input b');
  expect(parameters.get('input')).toBe('b');
  expect(parameters.getMultiParameter('input')).toEqual(['a', 'b']);
  expect(parameters.getMultiParameter('none')).toEqual([]);
  expect(parameters.toMultiMap()).toEqual(new Map([['input', ['a', 'b']]]));
});

test('numbers within their ranges, booleans, and defaults for what is missing', () => {
  const parameters = from(
    '--byte -128 --short 32767 --int 2147483647 --long 9007199254740991 --big 12345678901234567890 --double 1e-3 --yes TRUE --no 1',
  );
  expect([parameters.getByte('byte'), parameters.getShort('short'), parameters.getInt('int')]).toEqual([-128, 32767, 2147483647]);
  expect([parameters.getLong('long'), parameters.getBigInt('big')]).toEqual([9007199254740991, 12345678901234567890n]);
  expect([parameters.getDouble('double'), parameters.getFloat('double')]).toEqual([0.001, Math.fround(0.001)]);
  expect([parameters.getBoolean('yes'), parameters.getBoolean('no'), parameters.getBoolean('none', true)]).toEqual([true, false, true]);
  expect([parameters.getInt('none', 7), parameters.getDouble('none', 0.5), parameters.getBigInt('none', 3n)]).toEqual([7, 0.5, 3n]);
});

test.each<[string, () => unknown, string]>([
  ['a word that is no key', () => from('--a b c'), "on 'c'. Please prefix keys with -- or -."],
  ['an empty key', () => from('--a b --'), 'Please prefix keys'],
  ['a required key', () => from('').getRequired('port'), "No data for required key 'port'"],
  ['a required number', () => from('').getInt('port'), "No data for required key 'port'"],
  ['no number', () => from('--port x').getInt('port'), "--port must be a whole number from -2147483648 to 2147483647, not 'x'."],
  ['a number that is too large', () => from('--port 3000000000').getInt('port'), '2147483647'],
  ['more than a number holds', () => from('--n 9007199254740993').getLong('n'), '9007199254740991'],
  ['no fraction', () => from('--rate 0x10').getDouble('rate'), "a number, not '0x10'"],
])('refused: %s', (_what, act, says) => {
  expect(act).toThrow(says);
});

test('what nobody asked for is known', () => {
  const parameters = from('--used 1 --asked 2 --unused 3');
  parameters.get('used');
  parameters.has('asked');
  expect(parameters.getUnrequestedParameters()).toEqual(new Set(['unused']));
});

test('merged, as a map, and as configuration', () => {
  const merged = from('--a 1 --b 2').mergeWith(ParameterTool.fromMap({ b: '3', 'parallelism.default': '4' }));
  expect(merged.toMap()).toEqual({ a: '1', b: '3', 'parallelism.default': '4' });
  expect(merged.getConfiguration().get('parallelism.default')).toBe(4);
});

test('a properties file, with all that Java allows in one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-properties-'));
  const file = join(directory, 'job.properties');
  writeFileSync(
    file,
    [
      '# comment',
      '! comment',
      '',
      'a=1',
      'b : two words ',
      'c three',
      '  d\\ e = tab\\there',
      'long = one \\',
      '      two',
      'uni=\\u00e9\\\\',
      'none=',
    ].join('\n'),
  );
  expect(ParameterTool.fromPropertiesFile(file).toMap()).toEqual({
    a: '1',
    b: 'two words ',
    c: 'three',
    'd e': 'tab\there',
    long: 'one two',
    uni: 'é\\',
    none: '',
  });
  rmSync(directory, { recursive: true });
});
