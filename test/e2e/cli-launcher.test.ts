/** How bin/ finds its installation, a Node.js and that Node's options, from wherever it is called. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandResult, repository } from '../harness/real-cluster.ts';

let directory: string;
/** Has what the launchers call, and no node. */
let tools: string;
/** An installation with no Node.js of its own. */
let bare: string;
let conf: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-launcher-'));
  tools = join(directory, 'tools');
  mkdirSync(tools);
  for (const name of ['sh', 'sed', 'awk', 'uname', 'readlink', 'find', 'cat']) symlinkSync(`/usr/bin/${name}`, join(tools, name));
  bare = join(directory, 'bare');
  mkdirSync(bare);
  cpSync(join(repository, 'bin'), join(bare, 'bin'), { recursive: true });
  symlinkSync(join(repository, 'dist'), join(bare, 'dist'));
  conf = join(directory, 'conf');
  mkdirSync(conf);
  writeConf('');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function writeConf(text: string, name = 'flink-conf.yaml'): void {
  for (const file of ['flink-conf.yaml', 'config.yaml']) rmSync(join(conf, file), { force: true });
  writeFileSync(join(conf, name), text);
}

/** A node that only tells its version, or the real one under a link. */
function nodeHome(name: string, version?: string): string {
  const bin = join(directory, name, 'bin');
  mkdirSync(bin, { recursive: true });
  const node = join(bin, 'node');
  rmSync(node, { force: true });
  if (version === undefined) symlinkSync(process.execPath, node);
  else writeFileSync(node, `#!/bin/sh\necho ${version}\n`);
  if (version !== undefined) chmodSync(node, 0o755);
  return join(directory, name);
}

async function run(file: string, args: readonly string[], env: Record<string, string> = {}, cwd = directory): Promise<CommandResult> {
  const result = await execa(file, args, {
    env: { PATH: '/usr/bin:/bin', FLINK_CONF_DIR: conf, FLINK_LOG_DIR: join(directory, 'log'), ...env },
    extendEnv: false,
    cwd,
    reject: false,
    stripFinalNewline: false,
    stdin: 'ignore',
  });
  return { exitCode: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
}

const version = { exitCode: 0, stdout: expect.stringMatching(/^Version: \d/), stderr: '' };

describe('the installation is found', () => {
  test('through links, absolute and relative, of the file and of its directory, and by sh', async () => {
    const flink = join(repository, 'bin', 'flink');
    mkdirSync(join(directory, 'links', 'deep'), { recursive: true });
    symlinkSync(flink, join(directory, 'links', 'absolute'));
    symlinkSync('../absolute', join(directory, 'links', 'deep', 'relative'));
    symlinkSync(repository, join(directory, 'links', 'home'));
    for (const path of ['links/absolute', 'links/deep/relative', 'links/home/bin/flink', './links/absolute']) {
      expect([path, await run(join(directory, path), ['-v'])]).toEqual([path, version]);
      expect([path, await run('/bin/sh', ['-c', `${path} -v`])]).toEqual([path, version]);
    }
    expect(await run('/bin/sh', ['deep/relative', '-v'], {}, join(directory, 'links'))).toEqual(version);
    expect(await run('absolute', ['-v'], { PATH: `${join(directory, 'links')}:/usr/bin:/bin` })).toEqual(version);
  });

  test('with an empty environment', async () => {
    expect(await run('/usr/bin/env', ['-i', 'PATH=/usr/bin:/bin', join(repository, 'bin', 'flink'), '-v'])).toEqual(version);
    expect(await run('/usr/bin/env', ['-i', join(repository, 'bin', 'flink'), '-v'])).toEqual(version);
  });
});

describe('a Node.js is chosen', () => {
  const flink = (env: Record<string, string> = {}): Promise<CommandResult> =>
    run(join(bare, 'bin', 'flink'), ['config', 'rest.port'], { PATH: tools, ...env });

  test('from PATH when it is new enough, and refused by name when it is not', async () => {
    expect(await flink({ PATH: `${join(nodeHome('new'), 'bin')}:${tools}` })).toMatchObject({ exitCode: 0 });
    const old = join(nodeHome('old', 'v20.20.2'), 'bin');
    const refused = await flink({ PATH: `${old}:${tools}` });
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^Weir needs Node\.js 22 or newer; .*\/old\/bin\/node \(from PATH\) is v20\.20\.2\.\n.*env\.node\.home/);
    const none = await flink();
    expect(none).toMatchObject({ exitCode: 1, stdout: '' });
    expect(none.stderr).toMatch(/^Weir needs Node\.js 22 or newer, and there is no 'node' in PATH\.\n/);
    const strange = join(nodeHome('strange', 'hello'), 'bin');
    expect((await flink({ PATH: `${strange}:${tools}` })).stderr).toContain("does not tell its version: 'hello'");
  });

  test('env.node.home wins', async () => {
    writeConf(`env.node.home: ${nodeHome('new')} # ours\n`);
    expect(await flink()).toMatchObject({ exitCode: 0, stderr: '' });
    writeConf(`env:\n  node:\n    home: "${nodeHome('new')}"\n`, 'config.yaml');
    expect(await flink()).toMatchObject({ exitCode: 0, stderr: '' });
    writeConf('env.node.home: /no/such\n');
    const missing = await flink();
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toContain("env.node.home is '/no/such', and there is no program /no/such/bin/node.");
    writeConf(`env.node.home: ${nodeHome('old', 'v20.20.2')}\n`);
    expect((await flink()).stderr).toContain(`(from env.node.home in ${conf}/flink-conf.yaml) is v20.20.2.`);
    writeConf('');
  });

  test('env.java.home counts when it holds a Node.js, and is ignored with a warning otherwise', async () => {
    writeConf(`env.java.home: ${nodeHome('new')}\n`);
    expect(await flink()).toMatchObject({ exitCode: 0, stderr: '' });
    writeConf('env.java.home: /usr/lib/jvm/java-11\n');
    const warned = await flink({ PATH: `${join(nodeHome('new'), 'bin')}:${tools}` });
    expect(warned).toMatchObject({ exitCode: 0 });
    expect(warned.stderr).toMatch(
      /^WARNING: env\.java\.home is ignored: Weir needs no Java, and \/usr\/lib\/jvm\/java-11\/bin\/node does not exist\./,
    );
    writeConf('');
  });
});

describe('options of the process', () => {
  /** Flags that the client's process was started with. */
  async function flags(env: Record<string, string>): Promise<{ flags: string[]; stderr: string }> {
    const program = join(directory, 'flags.ts');
    writeFileSync(program, 'export default () => console.log(JSON.stringify(process.execArgv));\n');
    const result = await run(join(repository, 'bin', 'flink'), ['run', '-t', 'local', program], env);
    return { flags: JSON.parse(result.stdout || 'null') as string[], stderr: result.stderr };
  }

  test('come from the configuration and the environment; those of a JVM are dropped with a warning', async () => {
    expect(await flags({})).toEqual({ flags: [], stderr: '' });
    expect(await flags({ FLINK_ENV_JAVA_OPTS_CLI: '--max-old-space-size=200 --no-deprecation' })).toEqual({
      flags: ['--max-old-space-size=200', '--no-deprecation'],
      stderr: '',
    });
    writeConf('env.java.opts: --no-deprecation\nenv.java.opts.client: "--max-old-space-size=300 -Xmx4g"\n');
    expect(await flags({ JVM_ARGS: '--add-opens=x -Xss1m' })).toEqual({
      flags: ['--no-deprecation', '--max-old-space-size=300'],
      stderr: ['--add-opens=x', '-Xss1m', '-Xmx4g']
        .map((word) => `WARNING: ${word} is an option of a JVM, not of Node.js; it is ignored.\n`)
        .join(''),
    });
    expect((await flags({ FLINK_ENV_JAVA_OPTS: '--no-warnings', FLINK_ENV_JAVA_OPTS_CLI: '--max-old-space-size=200' })).flags).toEqual([
      '--no-warnings',
      '--max-old-space-size=200',
    ]);
    writeConf('');
  });
});

describe('streams', () => {
  test('errors about arguments are on stdout, other failures on stderr, whatever NODE_ENV says', async () => {
    for (const NODE_ENV of ['production', 'development', 'test']) {
      const argument = await run(join(repository, 'bin', 'flink'), ['cancel'], { NODE_ENV });
      expect(argument).toEqual({
        exitCode: 1,
        stdout: 'Missing JobID. Specify a JobID to cancel a job.\n\nUse the help option (-h or --help) to get help on the command.\n',
        stderr: '',
      });
    }
    const unreachable = await run(join(repository, 'bin', 'flink'), ['list', '-m', 'localhost:1']);
    expect(unreachable).toMatchObject({ exitCode: 1, stdout: 'Waiting for response...\n' });
    expect(unreachable.stderr).toContain('There is no JobManager at localhost:1.');
  });

  test('a reader that leaves early ends the command quietly', async () => {
    const result = await run('/bin/sh', ['-c', `${join(repository, 'bin', 'flink')} --help | head -n 1`]);
    expect(result).toEqual({ exitCode: 0, stdout: './flink <ACTION> [OPTIONS] [ARGUMENTS]\n', stderr: '' });
  });
});
