/** `-type canonical|native`, on everything that takes a savepoint. */
import type { SavepointFormat } from '../../client/cluster-client.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import type { OptionTable } from '../arguments/option-table.ts';

export const savepointTypeOption = {
  type: { short: 'type', argument: 'formatType', summary: 'Format of the savepoint: canonical (default) or native.' },
} as const satisfies OptionTable;

export function savepointFormat(text: string | undefined): SavepointFormat {
  switch (text?.toLowerCase()) {
    case undefined:
    case 'canonical':
      return 'CANONICAL';
    case 'native':
      return 'NATIVE';
    default:
      throw new ArgumentError(`Unknown savepoint format type: ${text}. Known types are canonical and native.`);
  }
}
