/** Options of the high availability service. */
import type { Option } from '../option.ts';

export const haOptions = {
  'zookeeper.heap.mb': { type: 'int', default: '0' },
  'high-availability': { type: 'string', default: 'NONE', fallback: ['recovery.mode'] },
  'high-availability.type': { type: 'string', default: 'NONE', fallback: ['high-availability', 'recovery.mode'] },
  'high-availability.cluster-id': {
    type: 'string',
    default: '/default',
    fallback: ['high-availability.zookeeper.path.namespace', 'recovery.zookeeper.path.namespace'],
  },
  'high-availability.storageDir': { type: 'string', fallback: ['high-availability.zookeeper.storageDir', 'recovery.zookeeper.storageDir'] },
  'high-availability.jobmanager.port': { type: 'string', default: '0', fallback: ['recovery.jobmanager.port'] },
  'high-availability.zookeeper.quorum': { type: 'string', fallback: ['recovery.zookeeper.quorum'] },
  'high-availability.zookeeper.path.root': { type: 'string', default: '/flink', fallback: ['recovery.zookeeper.path.root'] },
  'high-availability.zookeeper.path.latch': { type: 'string', default: '/leaderlatch', fallback: ['recovery.zookeeper.path.latch'] },
  'high-availability.zookeeper.path.leader': { type: 'string', default: '/leader', fallback: ['recovery.zookeeper.path.leader'] },
  'high-availability.zookeeper.path.jobgraphs': { type: 'string', default: '/jobgraphs', fallback: ['recovery.zookeeper.path.jobgraphs'] },
  'high-availability.zookeeper.path.checkpoints': {
    type: 'string',
    default: '/checkpoints',
    fallback: ['recovery.zookeeper.path.checkpoints'],
  },
  'high-availability.zookeeper.path.checkpoint-counter': {
    type: 'string',
    default: '/checkpoint-counter',
    fallback: ['recovery.zookeeper.path.checkpoint-counter'],
  },
  'high-availability.zookeeper.path.running-registry': { type: 'string', default: '/running_job_registry/' },
  'high-availability.zookeeper.client.session-timeout': {
    type: 'duration',
    default: '60000',
    fallback: ['recovery.zookeeper.client.session-timeout'],
  },
  'high-availability.zookeeper.client.connection-timeout': {
    type: 'duration',
    default: '15000',
    fallback: ['recovery.zookeeper.client.connection-timeout'],
  },
  'high-availability.zookeeper.client.retry-wait': {
    type: 'duration',
    default: '5000',
    fallback: ['recovery.zookeeper.client.retry-wait'],
  },
  'high-availability.zookeeper.client.max-retry-attempts': {
    type: 'int',
    default: '3',
    fallback: ['recovery.zookeeper.client.max-retry-attempts'],
  },
  'high-availability.zookeeper.client.acl': { type: 'enum', values: ['open', 'creator'], default: 'open' },
  'high-availability.zookeeper.client.tolerate-suspended-connections': { type: 'boolean', default: 'false' },
  'high-availability.kubernetes.leader-election.lease-duration': { type: 'duration', default: '15 s' },
  'high-availability.kubernetes.leader-election.renew-deadline': { type: 'duration', default: '15 s' },
  'high-availability.kubernetes.leader-election.retry-period': { type: 'duration', default: '5 s' },
  'job-result-store.delete-on-commit': { type: 'boolean', default: 'true' },
  'job-result-store.storage-path': { type: 'string' },
  'cleanup-strategy': { type: 'string', default: 'exponential-delay' },
} as const satisfies Record<string, Option>;
