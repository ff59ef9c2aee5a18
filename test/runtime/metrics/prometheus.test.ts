/** Whatever metrics, names and values there are, Prometheus can read the page; and it says what Flink's reporter says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import type { ReportedGroup } from '../../../src/runtime/metrics/metric-group.ts';
import { prometheusText } from '../../../src/runtime/metrics/reporters/prometheus-text.ts';
import { startReporters } from '../../../src/runtime/metrics/reporters/start-reporters.ts';
import { TaskMetrics } from '../../../src/runtime/metrics/task-metrics.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { parsePrometheus } from '../../harness/prometheus.ts';
import { freePort } from '../../harness/real-cluster.ts';
import { http } from '../../harness/rest.ts';

const asFlink = { filterLabelValues: true, excludedVariables: [] };
const asIs = { filterLabelValues: false, excludedVariables: [] };

test('any page can be read, and labels that are not filtered come back as they were', () => {
  const value = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constantFrom('true', 'false', 'NaN', '', ' ', '-9223372036854775808'));
  const name = fc.oneof(fc.string(), fc.constantFrom('a', 'a.b', 'a_count', 'ä', '1st'));
  const group = fc.record({
    scope: fc.constantFrom(['taskmanager'], ['taskmanager', 'job', 'task']),
    variables: fc.dictionary(fc.constantFrom('host', 'tm_id', 'task_name'), fc.string()),
    metrics: fc.dictionary(name, value),
  });
  fc.assert(
    fc.property(group, (each) => {
      const { samples } = parsePrometheus(withoutCollisions(each, asIs));
      for (const { labels } of samples) expect(labels).toEqual({ ...each.variables });
      for (const { labels } of parsePrometheus(withoutCollisions(each, asFlink)).samples)
        for (const label of Object.values(labels)) expect(label).toMatch(/^[a-zA-Z0-9:_]*$/);
    }),
  );
});

/** Two metrics whose names are one once they are made safe are one to Prometheus: the test keeps the first. */
function withoutCollisions(group: ReportedGroup, options: typeof asFlink): string {
  const metrics: Record<string, number | string> = {};
  const taken = new Set<string>();
  for (const [name, value] of Object.entries(group.metrics)) {
    const safe = name.replace(/[^a-zA-Z0-9:_]/g, '_');
    if (taken.has(safe)) continue;
    taken.add(safe);
    metrics[name] = value;
  }
  return prometheusText([{ ...group, metrics }], options);
}

test('names, labels and types are those of Flink', () => {
  const metrics = new TaskMetrics(() => 0);
  const histogram = metrics.group('').histogram('size');
  for (let n = 1; n <= 100; n++) histogram.update(n);
  const text = prometheusText(
    [
      { scope: ['jobmanager'], variables: { host: 'h' }, metrics: { numRunningJobs: 2 } },
      {
        scope: ['taskmanager', 'job', 'task', 'operator'],
        variables: { host: 'h', job_name: 'my job', operator_name: 'a "b"' },
        metrics: { ...metrics.dump(), isBackPressured: 'false', currentInputWatermark: '-9223372036854775808', path: 'n/a' },
      },
      {
        scope: ['taskmanager', 'job', 'task', 'operator'],
        variables: { host: 'h', job_name: 'other' },
        metrics: { isBackPressured: 'true' },
      },
    ],
    { filterLabelValues: true, excludedVariables: ['host'] },
  );
  const { types, samples } = parsePrometheus(text);
  const prefix = 'flink_taskmanager_job_task_operator_';
  const labels = { job_name: 'my_job', operator_name: 'a__b_' };
  expect(text).toContain('# HELP flink_jobmanager_numRunningJobs numRunningJobs (scope: jobmanager)\n');
  expect(samples).toContainEqual({ name: 'flink_jobmanager_numRunningJobs', labels: {}, value: 2 });
  expect(samples).toContainEqual({ name: `${prefix}isBackPressured`, labels, value: 0 });
  expect(samples).toContainEqual({ name: `${prefix}isBackPressured`, labels: { job_name: 'other' }, value: 1 });
  expect(samples).toContainEqual({ name: `${prefix}currentInputWatermark`, labels, value: -(2 ** 63) });
  expect(samples).toContainEqual({ name: `${prefix}path`, labels, value: 0 });
  expect(types.get(`${prefix}size`)).toBe('summary');
  expect(samples).toContainEqual({ name: `${prefix}size_count`, labels, value: 100 });
  expect(samples).toContainEqual({ name: `${prefix}size`, labels: { ...labels, quantile: '0.5' }, value: 50.5 });
  expect(samples.filter(({ name }) => name.startsWith(`${prefix}size`))).toHaveLength(7);
});

test('reporters are those that are named, or all that are configured; another one, or a taken port, is told and stops nothing', async () => {
  const told: string[] = [];
  const log = { info: () => {}, warn: (text: string) => told.push(text), error: (text: string) => told.push(text) } as unknown as Logger;
  const groups = async (): Promise<ReportedGroup[]> => [{ scope: ['jobmanager'], variables: {}, metrics: { one: 1 } }];
  const port = await freePort();
  const factory = 'org.apache.flink.metrics.prometheus.PrometheusReporterFactory';
  const start = (record: Record<string, string | number>) =>
    startReporters({ config: Configuration.of(record), log, host: '127.0.0.1', groups });
  const first = await start({
    'metrics.reporter.prom.factory.class': factory,
    'metrics.reporter.prom.port': port,
    'metrics.reporter.jmx.factory.class': 'org.apache.flink.metrics.jmx.JMXReporterFactory',
  });
  expect(told).toEqual([expect.stringContaining('JMXReporterFactory is another')]);
  for (const path of ['/', '/metrics']) {
    const answer = await http(port, 'GET', path);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('version=0.0.4') } });
    expect(parsePrometheus(answer.text).samples).toEqual([{ name: 'flink_jobmanager_one', labels: {}, value: 1 }]);
  }
  const second = await start({ 'metrics.reporters': 'prom', 'metrics.reporter.prom.class': factory, 'metrics.reporter.prom.port': port });
  expect(told.at(-1)).toContain(`Port ${port} on 127.0.0.1 is taken`);
  const third = await start({ 'metrics.reporters': 'prom', 'metrics.reporter.prom.port': 'x' });
  expect(told.at(-1)).toContain('metrics.reporter.prom.factory.class');
  for (const reporters of [first, second, third]) reporters.close();
});
