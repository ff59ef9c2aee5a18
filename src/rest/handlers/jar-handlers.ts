/** Programs that are uploaded, and run or planned in the JobManager. A "jar" here is any program Weir can run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { jsonPlan } from '../../graph/json-plan.ts';
import type { RunProgramRequest } from '../../runtime/rpc/gateways.ts';
import { readMultipart } from '../http/body.ts';
import { describeError, RestError } from '../http/rest-error.ts';
import { json, type RestAnswer, type RestRequest, type Route } from '../http/router.ts';
import type { HandlerContext } from './handler-context.ts';
import { JarStore } from './jar-store.ts';

export function jarRoutes(context: HandlerContext): Route[] {
  const { config, dispatcher, uploadDirectory } = context;
  if (!config.get('web.submit.enable')) return [];
  const store = new JarStore(join(config.get('web.upload.dir') ?? config.getText('web.tmpdir') ?? uploadDirectory, 'flink-web-upload'));
  const plan = async (request: RestRequest): Promise<RestAnswer> =>
    json({
      plan: jsonPlan(await program(dispatcher.planProgram(await programRequest(request, store, config.toRecord()), request.signal))),
    });
  return [
    {
      method: 'GET',
      path: '/jars',
      does: 'The uploaded programs.',
      handle: async ({ raw }) =>
        json({
          address: `http://${raw.headers.host ?? 'localhost'}`,
          // Which export is the program is found out when it is run: no entry is offered.
          files: store.list().map((jar) => ({ ...jar, entry: [] })),
        }),
    },
    {
      method: 'POST',
      path: '/jars/upload',
      does: 'Stores a program (multipart, one file).',
      handle: async ({ raw }) => {
        const directory = mkdtempSync(join(uploadDirectory, 'upload-'));
        try {
          const upload = await readMultipart(raw, directory, config.get('rest.server.max-content-length'));
          const stranger = Object.keys(upload.fields).find((name) => name !== 'request');
          if (stranger !== undefined) throw new RestError(400, `Received unknown attribute ${stranger}.`);
          const [file] = upload.files;
          if (upload.files.length !== 1 || !file) throw new RestError(400, `Exactly 1 file must be sent, received ${upload.files.length}.`);
          return json({ filename: await store.add(file.path, file.fileName), status: 'success' });
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
      },
    },
    {
      method: 'DELETE',
      path: '/jars/:jarid',
      does: 'Deletes an uploaded program.',
      handle: async ({ params }) => {
        await store.remove(params['jarid'] ?? '');
        return json({});
      },
    },
    {
      method: 'POST',
      path: '/jars/:jarid/run',
      does: 'Runs an uploaded program; answers with the id of its first job.',
      handle: async (request) => {
        const { jobId } = await program(dispatcher.runProgram(await programRequest(request, store, config.toRecord()), request.signal));
        return json({ jobid: jobId });
      },
    },
    { method: 'GET', path: '/jars/:jarid/plan', does: 'The plan of an uploaded program.', actsOnGet: true, handle: plan },
    { method: 'POST', path: '/jars/:jarid/plan', does: 'The plan of an uploaded program.', handle: plan },
  ];
}

/** Whatever a program cannot do is a fault of the request that runs it. */
function program<T>(outcome: Promise<T>): Promise<T> {
  return outcome.catch((error: unknown) => {
    const known = describeError(error);
    throw known ? new RestError(known.status === 500 ? 400 : known.status, known.message) : error;
  });
}

/** The body wins over the query; both may give numbers and booleans as text. */
async function programRequest(
  request: RestRequest,
  store: JarStore,
  clusterConfiguration: Record<string, string>,
): Promise<RunProgramRequest> {
  const artifactPath = store.path(request.params['jarid'] ?? '');
  const body = await request.body();
  const value = (bodyName: string, queryName: string): unknown => body[bodyName] ?? request.query.get(queryName) ?? undefined;
  const savepoint = textOf(value('savepointPath', 'savepointPath'));
  const claim = claimMode(textOf(body['claimMode'] ?? body['restoreMode']));
  const configuration = body['flinkConfiguration'] ?? {};
  if (typeof configuration !== 'object' || Array.isArray(configuration))
    throw new RestError(400, 'flinkConfiguration must be an object of texts.');
  return {
    artifactPath,
    entryClass: textOf(value('entryClass', 'entry-class')),
    args: programArguments(request, body),
    parallelism: numberOf(value('parallelism', 'parallelism')),
    jobId: jobIdOf(textOf(body['jobId'])),
    restore:
      savepoint === undefined
        ? undefined
        : {
            path: savepoint,
            allowNonRestoredState: String(value('allowNonRestoredState', 'allowNonRestoredState')) === 'true',
            claimMode: claim,
          },
    configuration: {
      ...clusterConfiguration,
      ...Object.fromEntries(Object.entries(configuration as object).map(([key, each]) => [key, String(each)])),
    },
  };
}

function programArguments(request: RestRequest, body: Record<string, unknown>): string[] {
  const list = body['programArgsList'] ?? request.query.get('programArg')?.split(',');
  const line = textOf(body['programArgs'] ?? request.query.get('program-args'));
  if (list !== undefined && list !== null && line !== undefined)
    throw new RestError(400, 'Confusing request: programArgs and programArgsList are specified, please, use only programArgsList');
  if (list !== undefined && list !== null) {
    if (!Array.isArray(list)) throw new RestError(400, 'programArgsList must be an array of texts.');
    return list.map(String);
  }
  return line === undefined ? [] : words(line);
}

/** Split at blanks; quotes keep a word together. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? (match[3] as string));
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : String(value);
}

function numberOf(value: unknown): number | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new RestError(400, `The parallelism must be a positive number: ${text}`);
  return Number(text);
}

function jobIdOf(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-fA-F]{32}$/.test(text)) return text?.toLowerCase();
  throw new RestError(400, `'${text}' is no job id: it has 32 hexadecimal digits.`);
}

function claimMode(text: string | undefined): 'CLAIM' | 'NO_CLAIM' | 'LEGACY' {
  const mode = text?.toUpperCase() ?? 'NO_CLAIM';
  if (mode === 'CLAIM' || mode === 'NO_CLAIM' || mode === 'LEGACY') return mode;
  throw new RestError(400, `There is no claim mode '${text}': CLAIM, NO_CLAIM or LEGACY.`);
}
