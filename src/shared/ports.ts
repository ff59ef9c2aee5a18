/** Ports as configurations name them, and listening on the first that is free. */
import type { Server } from 'node:net';
import { UserError } from './errors.ts';

/** `8081`, `50100,50101`, `50100-50200`. `configuredBy` names the key or keys. Throws UserError('BAD_PORT'). */
export function parsePorts(text: string, configuredBy: string): number[] {
  return text.split(',').flatMap((part) => {
    const match = /^\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || from > to || to > 65535) {
      throw new UserError('BAD_PORT', {
        problem: `'${text}' is no port or range of ports.`,
        found: `It comes from ${configuredBy}.`,
        tryNext: ['A port: 8081', 'A range: 50100-50200'],
      });
    }
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}

export interface ListenPlace {
  /** As it was written. */
  readonly ports: string;
  readonly configuredBy: string;
  readonly addressConfiguredBy?: string | undefined;
  readonly tryNext?: readonly string[] | undefined;
}

/** Resolves with the port. Throws UserError('PORT_TAKEN' | 'CANNOT_LISTEN'). */
export async function listenOnFirst(server: Server, host: string, ports: readonly number[], place: ListenPlace): Promise<number> {
  for (const port of ports) {
    try {
      return await listen(server, host, port);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE') continue;
      throw new UserError('CANNOT_LISTEN', {
        problem: `Nobody can listen on ${host}:${port}: ${message}`,
        found: `${place.addressConfiguredBy ? `The address comes from ${place.addressConfiguredBy}, the` : 'The'} port from ${place.configuredBy}.`,
        tryNext: ['The address must be one of this machine; ports below 1024 need privileges.'],
        cause: error,
      });
    }
  }
  throw new UserError('PORT_TAKEN', {
    problem:
      ports.length === 1
        ? `Port ${place.ports} on ${host} is taken by another process.`
        : `All ports of ${place.ports} on ${host} are taken.`,
    found: `The port comes from ${place.configuredBy}.`,
    tryNext: place.tryNext,
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
