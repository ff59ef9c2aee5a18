/** POST /jobs: a job graph and its program, in the multipart frame of Flink's client. */
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { JobGraph } from '../../graph/job-graph.ts';
import { readMultipart, type Upload } from '../http/body.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type Route } from '../http/router.ts';
import type { HandlerContext } from './handler-context.ts';

export const jobGraphSuffix = '.weir-jobgraph.json';
export const artifactSuffix = '.weir-artifact.tgz';

export function submissionRoutes({ config, dispatcher, uploadDirectory }: HandlerContext): Route[] {
  return [
    {
      method: 'POST',
      path: '/jobs',
      does: 'Submits a job: the job graph and the program of Weir’s own client (multipart).',
      handle: async ({ raw }) => {
        const directory = mkdtempSync(join(uploadDirectory, 'submission-'));
        try {
          const upload = await readMultipart(raw, directory, config.get('rest.server.max-content-length'));
          for (const file of upload.files) refuseJava(file.path);
          const jobGraph = readJobGraph(upload);
          const artifact = upload.files.find(({ fileName }) => fileName.endsWith(artifactSuffix));
          if (!artifact) throw new RestError(400, `The submission has no program: a part named <hash>${artifactSuffix}.`);
          const key = await dispatcher.putBlob(artifact.path);
          if (key !== jobGraph.program.artifact)
            throw new RestError(
              400,
              `The program of the submission is damaged: its hash is ${key}, and the job names ${jobGraph.program.artifact}.`,
            );
          await dispatcher.submitJob(jobGraph);
          return json({ jobUrl: `/jobs/${jobGraph.jobId}` }, 202);
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
      },
    },
  ];
}

function readJobGraph({ files }: Upload): JobGraph {
  const part = files.find(({ fileName }) => fileName.endsWith(jobGraphSuffix));
  if (!part) throw new RestError(400, `The submission has no job graph: a part named <jobid>${jobGraphSuffix}.`);
  let graph: Partial<JobGraph>;
  try {
    graph = JSON.parse(readFileSync(part.path, 'utf8'));
  } catch (error) {
    throw new RestError(400, `The job graph of the submission is not JSON: ${(error as Error).message}`);
  }
  const complete =
    graph !== null &&
    typeof graph === 'object' &&
    graph.formatVersion === 1 &&
    /^[0-9a-f]{32}$/.test(String(graph.jobId)) &&
    Array.isArray(graph.vertices) &&
    graph.vertices.length > 0 &&
    typeof graph.configuration === 'object' &&
    typeof graph.program === 'object' &&
    typeof graph.weirVersion === 'string';
  if (!complete) throw new RestError(400, 'The job graph of the submission is incomplete: it was made by another program or version.');
  return graph as JobGraph;
}

const javaObjectStream = Buffer.from([0xac, 0xed, 0x00, 0x05]);

/** Flink's own client sends serialised Java objects, which only a JVM can run. */
function refuseJava(path: string): void {
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0);
    if (!magic.equals(javaObjectStream)) return;
  } finally {
    closeSync(file);
  }
  throw new RestError(
    400,
    'This cluster is Weir: it runs TypeScript and JavaScript programs, not Java ones. Submit with the flink command of Weir, or upload a program to /jars/upload.',
  );
}
