/** Applications as YARN's own command line prints them: scripts cut these columns. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationReport, AttemptReport, ContainerReport, NodeReport, QueueReport } from '../protocol/records.ts';

export interface ApplicationFilter {
  readonly states: readonly string[];
  readonly types: readonly string[];
  readonly tags: readonly string[];
}

export function matches(report: ApplicationReport, { states, types, tags }: ApplicationFilter): boolean {
  return (
    (states.includes('ALL') || states.includes(report.state)) &&
    (types.length === 0 || types.includes(report.type)) &&
    (tags.length === 0 || report.tags.some((tag) => tags.includes(tag)))
  );
}

export function applicationList(reports: readonly ApplicationReport[], { states, types, tags }: ApplicationFilter): string[] {
  const columns = [30, 20, 20, 10, 10, 18, 18, 15, 35];
  const row = (cells: readonly string[]): string => cells.map((text, column) => text.padStart(columns[column] as number)).join('\t');
  return [
    `Total number of applications (application-types: [${types.join(', ')}], states: [${states.join(', ')}] and tags: [${tags.join(', ')}]):${reports.length}`,
    row(['Application-Id', 'Application-Name', 'Application-Type', 'User', 'Queue', 'State', 'Final-State', 'Progress', 'Tracking-URL']),
    ...reports.map((report) =>
      row([
        report.applicationId,
        report.name,
        report.type,
        report.user,
        report.queue,
        report.state,
        report.finalStatus,
        `${Math.round(report.progress * 100)}%`,
        report.trackingUrl ?? 'N/A',
      ]),
    ),
  ];
}

export function applicationReport(report: ApplicationReport): string[] {
  return [
    'Application Report : ',
    ...rows([
      ['Application-Id', report.applicationId],
      ['Application-Name', report.name],
      ['Application-Type', report.type],
      ['User', report.user],
      ['Queue', report.queue],
      ['Application Priority', report.priority],
      ['Start-Time', report.startTime],
      ['Finish-Time', report.finishTime],
      ['Progress', `${Math.round(report.progress * 100)}%`],
      ['State', report.state],
      ['Final-State', report.finalStatus],
      ['Tracking-URL', report.trackingUrl ?? 'N/A'],
      ['RPC Port', report.rpcPort ?? -1],
      ['AM Host', report.host ?? 'N/A'],
      ['Aggregate Resource Allocation', `${report.memorySeconds} MB-seconds, ${report.vcoreSeconds} vcore-seconds`],
      ['Log Aggregation Status', 'DISABLED'],
      ['Diagnostics', report.diagnostics],
      ['Unmanaged Application', false],
      ['Application Node Label Expression', report.nodeLabel ?? '<Not set>'],
      ['AM container Node Label Expression', report.nodeLabel ?? '<DEFAULT_PARTITION>'],
    ]),
  ];
}

export function attemptList(attempts: readonly AttemptReport[]): string[] {
  const row = (...cells: string[]): string => [30, 20, 35, 35].map((width, index) => (cells[index] as string).padStart(width)).join('\t');
  return [
    `Total number of application attempts :${attempts.length}`,
    row('ApplicationAttempt-Id', 'State', 'AM-Container-Id', 'Tracking-URL'),
    ...attempts.map(({ attemptId, state, masterContainerId, trackingUrl }) =>
      row(attemptId, state, masterContainerId ?? 'N/A', trackingUrl ?? 'N/A'),
    ),
  ];
}

export function containerList(containers: readonly ContainerReport[]): string[] {
  const row = (...cells: string[]): string =>
    [40, 14, 20, 30, 20].map((width, index) => (cells[index] as string).padStart(width)).join('\t');
  return [
    `Total number of containers :${containers.length}`,
    row('Container-Id', 'Start Time', 'State', 'Host', 'Memory'),
    ...containers.map(({ containerId, startTime, nodeId, resource }) =>
      row(containerId, String(startTime), 'RUNNING', nodeId, `${resource.memoryMb} MB`),
    ),
  ];
}

export function nodeList(nodes: readonly NodeReport[]): string[] {
  const row = (...cells: string[]): string => [30, 15, 17, 28].map((width, index) => (cells[index] as string).padStart(width)).join('\t');
  return [
    `Total Nodes:${nodes.length}`,
    row('Node-Id', 'Node-State', 'Node-Http-Address', 'Number-of-Running-Containers'),
    ...nodes.map(({ nodeId, state, httpAddress, containers }) => row(nodeId, state, httpAddress, String(containers))),
  ];
}

export function queueReport(queue: QueueReport): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
  return [
    'Queue Information : ',
    `Queue Name : ${queue.name}`,
    '\tState : RUNNING',
    `\tCapacity : ${percent(queue.capacity)}`,
    `\tCurrent Capacity : ${percent(queue.currentCapacity)}`,
    `\tMaximum Capacity : ${percent(queue.maximumCapacity)}`,
  ];
}

export interface ContainerLogs {
  readonly containerId: string;
  readonly nodeId: string;
  readonly directory: string;
}

/** All log files of a container that hold something, in YARN's frame. `files` empty: all. */
export function containerLogs({ containerId, nodeId, directory }: ContainerLogs, files: readonly string[]): string[] {
  const names = readdirSync(directory)
    .filter((name) => files.length === 0 || files.includes('ALL') || files.includes(name))
    .sort();
  return names.flatMap((name) => {
    const path = join(directory, name);
    const { size, mtime } = statSync(path);
    if (size === 0) return [];
    return [
      `Container: ${containerId} on ${nodeId.replace(':', '_')}`,
      'LogAggregationType: LOCAL',
      '='.repeat(24 + containerId.length + nodeId.length),
      `LogType:${name}`,
      `LogLastModifiedTime:${mtime}`,
      `LogLength:${size}`,
      'LogContents:',
      readFileSync(path, 'utf8').trimEnd(),
      '',
      `End of LogType:${name}`,
      '*'.repeat(99),
      '',
    ];
  });
}

/** What `yarn-session -q` prints: the nodes, their sum, the queues. */
export function clusterDescription(nodes: readonly NodeReport[], queues: readonly QueueReport[]): string[] {
  const separator = '+---------------------------------------+';
  const row = (name: string, value: string): string => `|${name.padEnd(16)} |${value.padEnd(16)} `;
  const used = ({ memoryMb, vcores }: NodeReport['used']): string => `${memoryMb} MB and ${vcores} vCores in use`;
  return [
    `NodeManagers in the ClusterClient ${nodes.length}`,
    '|Property         |Value          ',
    separator,
    ...nodes.flatMap((node) => [
      row('NodeID', node.nodeId),
      row('Memory', `${node.capability.memoryMb} MB`),
      row('vCores', String(node.capability.vcores)),
      row('HealthReport', node.healthReport),
      row('Containers', String(node.containers)),
      row('Used', used(node.used)),
      separator,
    ]),
    `Summary: totalMemory ${sum(nodes, ({ memoryMb }) => memoryMb)} totalCores ${sum(nodes, ({ vcores }) => vcores)}`,
    ...queues.map(
      ({ name, currentCapacity, maximumCapacity, applications }) =>
        `Queue: ${name}, Current Capacity: ${currentCapacity} Max Capacity: ${maximumCapacity} Applications: ${applications}`,
    ),
  ];
}

function sum(nodes: readonly NodeReport[], figure: (capability: NodeReport['capability']) => number): number {
  return nodes.reduce((total, { capability }) => total + figure(capability), 0);
}

function rows(facts: readonly (readonly [string, string | number | boolean])[]): string[] {
  return facts.map(([name, value]) => `\t${name} : ${value}`);
}
