/** Options of a JobManager's process, which its scripts hand on. `-h` is the host there, not the help. */
import { ArgumentError } from '../arguments/argument-error.ts';
import type { OptionTable } from '../arguments/option-table.ts';

export const jobManagerProcessOptions = {
  host: { short: 'h', argument: 'hostname', summary: 'Name under which TaskManagers reach the JobManager (jobmanager.rpc.address).' },
  webuiPort: { short: 'r', long: 'webui-port', argument: 'port', summary: 'Port of the REST endpoint (rest.port).' },
  configDir: { short: 'c', argument: 'dir', hidden: true, summary: 'Set by the script.', obsolete: 'set FLINK_CONF_DIR instead.' },
  executionMode: { short: 'x', argument: 'mode', hidden: true, summary: 'cluster or local.', obsolete: 'there is one mode.' },
} as const satisfies OptionTable;

export function processFlags(flags: { readonly host: string | undefined; readonly webuiPort: string | undefined }): {
  keys: Record<string, string>;
  processArguments: string[];
} {
  const { host, webuiPort } = flags;
  if (webuiPort !== undefined && !/^\d{1,5}$/.test(webuiPort)) throw new ArgumentError("Failed to parse '--webui-port' option");
  return {
    keys: {
      ...(host === undefined ? {} : { 'jobmanager.rpc.address': host }),
      ...(webuiPort === undefined ? {} : { 'rest.port': webuiPort }),
    },
    processArguments: [...(host === undefined ? [] : ['--host', host]), ...(webuiPort === undefined ? [] : ['--webui-port', webuiPort])],
  };
}
