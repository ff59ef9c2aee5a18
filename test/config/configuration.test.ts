/** From files, environment and command line to typed values: what is read, what wins, what is refused, what is only mentioned. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkConfiguration } from '../../src/config/check-configuration.ts';
import { Configuration, isSensitive } from '../../src/config/configuration.ts';
import { parseDynamicProperties } from '../../src/config/dynamic-properties.ts';
import { parseFlatConfiguration } from '../../src/config/flat-parser.ts';
import { configurationDirectory, loadConfiguration } from '../../src/config/load-configuration.ts';
import { parseNestedConfiguration } from '../../src/config/nested-parser.ts';
import { reportKeys } from '../../src/config/report-keys.ts';

const record = (parsed: { entries: readonly { key: string; value: string }[] }): Record<string, string> =>
  Object.fromEntries(parsed.entries.map(({ key, value }) => [key, value]));

describe('flink-conf.yaml', () => {
  test.each([
    ['jobmanager.rpc.port   : 6123   # c', { 'jobmanager.rpc.port': '6123' }],
    ['  rest.port: 8081', { 'rest.port': '8081' }],
    ['password: a#b', { password: 'a' }],
    ['url: http://h/#/x', { url: 'http://h/' }],
    ['a: b: c', { a: 'b: c' }],
    ['host: x:1', { host: 'x:1' }],
    ['k: "v"', { k: '"v"' }],
    ['k: ~', { k: '~' }],
    ['k: yes', { k: 'yes' }],
    ['k: v1\r\nk: v2\r\n', { k: 'v2' }],
    ['k: a\tb\t', { k: 'a\tb' }],
    ['# only a comment\n\n   \n', {}],
  ])('%j is read as Flink reads it', (text, expected) => {
    const parsed = parseFlatConfiguration(text, 'f');
    expect(record(parsed)).toEqual(expected);
    expect(parsed.warnings).toEqual([]);
  });

  test.each([
    ['a:b', /f:1: the line is skipped.*space after the colon/],
    ['a:\tb', /f:1/],
    ['jobmanager:', /f:1/],
    ['- item', /f:1/],
    ['---', /f:1/],
    ['x: 1\nkey: ', /f:2/],
    [': v', /f:1: key or value was empty/],
  ])('%j is skipped with a warning that names file and line, and no value', (text, message) => {
    const { warnings } = parseFlatConfiguration(text, 'f');
    expect(warnings).toEqual([expect.stringMatching(message)]);
  });
});

describe('config.yaml', () => {
  test('is flattened; nested and dotted spellings are the same', () => {
    const text = `
jobmanager:
  rpc.address: jm   # a comment
  rpc:
    port: 6123
parallelism.default: 4
env.java.opts: {all: "-Da=#b"}
pipeline:
  global-job-parameters: {x: 1, y: true}
  classpaths: [a, "b;c"]
empty: {}
`;
    const parsed = parseNestedConfiguration(text, 'config.yaml');
    expect(record(parsed)).toEqual({
      'jobmanager.rpc.address': 'jm',
      'jobmanager.rpc.port': '6123',
      'parallelism.default': '4',
      'env.java.opts.all': '-Da=#b',
      'pipeline.global-job-parameters.x': '1',
      'pipeline.global-job-parameters.y': 'true',
      'pipeline.classpaths': expect.stringMatching(/^\[.*\]$/),
    });
    expect(parsed.entries.find(({ key }) => key === 'jobmanager.rpc.port')?.line).toBe(5);
    const config = Configuration.of(record(parsed));
    expect(config.get('pipeline.classpaths')).toEqual(['a', 'b;c']);
    expect(config.get('pipeline.global-job-parameters')).toEqual({ x: '1', y: 'true' });
  });

  test('may be empty', () => {
    expect(parseNestedConfiguration('# nothing\n', 'c').entries).toEqual([]);
  });

  test.each([
    ['a: 1\na: 2\n', /unique.*\(c:2:/],
    ['a.b: 1\na:\n  b: 2\n', /'a\.b' is set twice, at lines 1 and 3 of c/],
    ['a:\n', /'a' has no value \(c:1\)/],
    ['a: [1\n', /\(c:\d+:\d+\)/],
    ['- 1\n', /c is not a mapping/],
    ['secret.key: "hunter2\n', /^(?![\s\S]*hunter2)/],
  ])('%j is refused with its place and without its values', (text, message) => {
    expect(() => parseNestedConfiguration(text, 'c')).toThrow(expect.objectContaining({ message: expect.stringMatching(message) }));
  });

  test('warns of words that older YAML reads otherwise', () => {
    const { warnings } = parseNestedConfiguration('a: yes\nb: 0123\nc: "yes"\nd: 1:30\n', 'c');
    expect(warnings.map((warning) => warning.slice(0, 4))).toEqual(['c:1:', 'c:2:', 'c:4:']);
  });
});

describe('loaded', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'weir-conf-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);

  test('the later source wins, and each value knows its own', () => {
    write(
      'flink-conf.yaml',
      '\uFEFFparallelism.default: 1\nrest.port: 1\nslot.request.timeout: 1 s\nheartbeat.timeout: 1 h\nweb.timeout: 1 s\n',
    );
    const { configuration, warnings } = loadConfiguration({
      directory,
      environment: { FLINK_PROPERTIES: 'rest.port: 2\nslot.request.timeout: 2 s\nbroken', FLINK_TM_HEAP: '1g' },
      dynamicProperties: { 'slot.request.timeout': '3 s', 'heartbeat.timeout': '3 h' },
      flags: { 'heartbeat.timeout': '4 h' },
    });
    const shown = ['parallelism.default', 'rest.port', 'slot.request.timeout', 'heartbeat.timeout', 'taskmanager.heap.size'].map((key) => [
      configuration.getText(key),
      configuration.origin(key),
    ]);
    expect(shown).toEqual([
      ['1', `${join(directory, 'flink-conf.yaml')}:1`],
      ['2', 'environment variable FLINK_PROPERTIES'],
      ['3 s', 'command line (-D)'],
      ['4 h', 'command line'],
      ['1g', 'environment variable FLINK_TM_HEAP'],
    ]);
    expect(warnings).toEqual([expect.stringContaining('FLINK_PROPERTIES:3')]);
  });

  test('a later source wins by any name; in one file the newest name does', () => {
    write(
      'flink-conf.yaml',
      'state.backend.type: hashmap\nstate.backend: jobmanager\nexecution.checkpointing.dir: file:///new\nstate.checkpoints.dir: file:///old\n',
    );
    const load = (dynamicProperties: Record<string, string>) => loadConfiguration({ directory, dynamicProperties }).configuration;
    expect(load({}).get('state.backend.type')).toBe('hashmap');
    expect(load({ 'state.backend': 'rocksdb' }).get('state.backend.type')).toBe('rocksdb');
    expect(load({ 'state.checkpoints.dir': 'file:///mine' }).get('execution.checkpointing.dir')).toBe('file:///mine');
    expect(load({ 'state.backend': 'rocksdb' }).origin('state.backend.type')).toBe('command line (-D)');
  });

  test('flink-conf.yaml is preferred to config.yaml', () => {
    write('config.yaml', 'rest: {port: 2}\n');
    expect(loadConfiguration({ directory }).configuration.get('rest.port')).toBe(2);
    write('flink-conf.yaml', 'rest.port: 1\n');
    expect(loadConfiguration({ directory }).configuration.get('rest.port')).toBe(1);
  });

  test('a missing directory or file is named', () => {
    expect(() => loadConfiguration({ directory: join(directory, 'nowhere') })).toThrow(/nowhere.*does not describe an existing directory/);
    expect(() => loadConfiguration({ directory })).toThrow(/flink-conf\.yaml.*does not exist/);
    expect(() => configurationDirectory({ FLINK_CONF_DIR: join(directory, 'x') }, '/home')).toThrow(
      /'FLINK_CONF_DIR' environment variable/,
    );
    expect(configurationDirectory({ FLINK_CONF_DIR: directory }, '/home')).toBe(directory);
    expect(configurationDirectory({}, '/home')).toBe('/home/conf');
  });

  test('a value that cannot be read is told with key, place and remedy', () => {
    write('flink-conf.yaml', '\nslot.request.timeout: soon\nsecurity.delegation.tokens.enabled: hunter2\n');
    const { configuration } = loadConfiguration({ directory });
    expect(() => configuration.get('slot.request.timeout')).toThrow(
      `Could not parse value 'soon' for key 'slot.request.timeout'.\n'soon' is no duration: it must start with a whole number.\nIt is set in ${join(directory, 'flink-conf.yaml')}:2.\nTry: slot.request.timeout: 300000`,
    );
    expect(() => configuration.get('security.delegation.tokens.enabled')).toThrow(/^Could not parse value for key (?![\s\S]*hunter2)/);
  });
});

test('-D splits at the first =, takes a bare key for true, and the last one wins', () => {
  expect(parseDynamicProperties(['a=b=c', 'flag', 'a=2', '=x', 'empty='])).toEqual({ a: '2', flag: 'true', empty: '' });
});

test.each(['my.Password', 's3.secret-key', 'fs.azure.account.key.x', 'a.token', 'metrics.reporter.x.apikey'])(
  '%s is never shown',
  (key) => {
    expect(isSensitive(key)).toBe(true);
  },
);

test('an enum takes its words in any case, and answers others with the words there are', () => {
  expect(Configuration.of({ 'execution.checkpointing.mode': 'at_least_once' }).get('execution.checkpointing.mode')).toBe('AT_LEAST_ONCE');
  expect(() => Configuration.of({ 'execution.checkpointing.mode': 'at-least-once' }).get('execution.checkpointing.mode')).toThrow(
    /Accepted are: EXACTLY_ONCE, AT_LEAST_ONCE/,
  );
});

describe('before a process starts', () => {
  const check = (settings: Record<string, string>) => () => checkConfiguration(Configuration.of(settings));

  test('all values are read, and every fault is told at once', () => {
    expect(check({ 'rest.port': '8081', 'weir.unknown': 'x', 'web.history': 'many', 'slot.request.timeout': '5 min' })).not.toThrow();
    expect(check({ 'rest.port': 'x' })).toThrow(expect.objectContaining({ code: 'BAD_CONFIG_VALUE' }));
    expect(check({ 'rest.port': 'x', 'taskmanager.network.memory.min': '1 mib', 'heartbeat.interval': '1 d' })).toThrow(
      /has 2 faults:\n- Could not parse value 'x' for key 'rest.port'[\s\S]*- Could not parse value '1 mib' for key 'taskmanager.network.memory.min'/,
    );
  });

  test.each([
    [{ 'heartbeat.timeout': '5 s' }, /heartbeat timeout should be larger or equal than the heartbeat interval: .* 5000 ms, .* 10000 ms/],
    [{ 'heartbeat.interval': '0' }, /heartbeat interval must be larger than 0/],
    [{ 'parallelism.default': '0' }, /parallelism\.default is 0/],
    [{ 'taskmanager.numberOfTaskSlots': '0' }, /numberOfTaskSlots is 0/],
    [
      { 'high-availability': 'zookeeper' },
      /No valid ZooKeeper quorum[\s\S]*'high-availability\.storageDir'[\s\S]*'zookeeper'.*not have that yet/,
    ],
    [{ 'security.ssl.enabled': 'true' }, /security\.ssl\.internal\.keystore is not set[\s\S]*TLS at the REST endpoint/],
    [{ 'jobmanager.scheduler': 'adaptive' }, /jobmanager\.scheduler is 'Adaptive'/],
    [{ 'scheduler-mode': 'reactive' }, /scheduler-mode is REACTIVE/],
  ])('%j is refused', (settings, message) => {
    expect(check(settings as unknown as Record<string, string>)).toThrow(message);
  });
});

describe('when a process starts', () => {
  const report = (settings: Record<string, string>) => reportKeys(Configuration.of(settings));

  test('keys that nobody knows are told, with the one that was meant', () => {
    expect(
      report({ 'taskmanager.numberOfTaskSlot': '2', 'my.own.key': 'x', 'metrics.reporter.prom.port': '1', 's3.endpoint': 'x' }).unknown,
    ).toEqual([
      'Nobody reads the key my.own.key.',
      'Nobody reads the key taskmanager.numberOfTaskSlot. Did you mean taskmanager.numberOfTaskSlots?',
    ]);
  });

  test('keys without effect are told with the reason, and older names with the newer one', () => {
    const { unknown, noted } = report({
      'web.history': '5',
      'recovery.mode': 'none',
      'state.backend': 'hashmap',
      'taskmanager.cpu.cores': '2',
      'yarn.tags': 'x',
    });
    expect(unknown).toEqual([]);
    expect(noted).toEqual([
      'The key recovery.mode is an older name of high-availability.type.',
      expect.stringMatching(/^The key taskmanager\.cpu\.cores has no effect yet\. ./),
      expect.stringMatching(/^The key web\.history has no effect\. ./),
    ]);
  });

  test('weir.config.lint: false says nothing', () => {
    expect(report({ 'my.own.key': 'x', 'web.history': '5', 'weir.config.lint': 'false' })).toEqual({ unknown: [], noted: [] });
  });
});
