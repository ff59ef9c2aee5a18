/** The daemon of the embedded resource manager: one per user and machine, started on demand, outliving its clients. */
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../shared/time.ts';
import { EmbeddedResourceManager } from '../yarn/embedded/embedded-resource-manager.ts';
import { prepareYarnPlace, yarnPlace } from '../yarn/embedded/place.ts';
import { yarnSettings } from '../yarn/embedded/settings.ts';
import { type EmbeddedYarnGateway, listenEmbedded } from '../yarn/embedded/socket.ts';
import { type ProcessContext, type RunningProcess, runProcess } from './process-frame.ts';

const idleCheckMs = 1000;

async function startResourceManager({ config, log, end }: ProcessContext): Promise<RunningProcess> {
  const place = yarnPlace(config);
  prepareYarnPlace(place);
  const settings = yarnSettings(config);
  log.info(
    `No Hadoop configuration was found: this is the embedded resource manager of ${userInfo().username}, with ${settings.node.memoryMb} MB and ${settings.node.vcores} vcores. Its files are in ${place.directory}`,
  );
  const manager = new EmbeddedResourceManager({ place, settings, clock: systemClock, log, baseEnvironment: baseEnvironment() });
  const gateway: EmbeddedYarnGateway = Object.assign(methodsOf(manager), {
    shutDown: async () => {
      log.info('It is stopped by request.');
      end(0);
    },
    status: async () => ({ pid: process.pid, directory: place.directory }),
  });
  const stopListening = await listenEmbedded(place, gateway);
  writeFileSync(join(place.directory, 'resourcemanager.pid'), `${process.pid}\n`);
  const idleTimeoutMs = config.get('weir.yarn.idle-timeout');
  const idleCheck = setInterval(() => {
    if (idleTimeoutMs < 0 || manager.idleMs < idleTimeoutMs) return;
    log.info('There has been no application for weir.yarn.idle-timeout: it ends, and is started again when it is needed.');
    end(0);
  }, idleCheckMs);
  return {
    close: async () => {
      clearInterval(idleCheck);
      await stopListening();
      await manager.close();
    },
  };
}

/** Of this user's surroundings only what every program needs; what a client had set is not for the applications of others. */
function baseEnvironment(): Record<string, string> {
  const { username, homedir } = userInfo();
  const kept = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), USER: username, LOGNAME: username, HOME: process.env['HOME'] ?? homedir };
}

/** Bound, as own properties. */
function methodsOf(manager: EmbeddedResourceManager): EmbeddedResourceManager {
  const names = Object.getOwnPropertyNames(EmbeddedResourceManager.prototype).filter((name) => name !== 'constructor' && name !== 'idleMs');
  const entries = names.map((name) => [name, (manager[name as 'getApplications'] as () => Promise<unknown>).bind(manager)]);
  return Object.fromEntries(entries) as EmbeddedResourceManager;
}

// Last: what it starts uses everything above.
await runProcess('YarnResourceManager', startResourceManager);
