/** The metrics of one attempt of a subtask under Flink's names: those of the task, and those of its operators. */
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import type { ArchivedExecution, MetricDump } from '../rpc/gateways.ts';

/** Shares of the time since the report before the last, each from 0 to 1; zero for an attempt that has ended. */
export interface AttemptRatios {
  readonly busy: number;
  readonly idle: number;
  readonly backPressured: number;
}

export function attemptRatios({ recent }: Pick<ArchivedExecution, 'recent'>): AttemptRatios {
  const whole = recent.busyMs + recent.idleMs + recent.backPressuredMs;
  const share = (ms: number): number => (whole <= 0 ? 0 : ms / whole);
  return { busy: share(recent.busyMs), idle: share(recent.idleMs), backPressured: share(recent.backPressuredMs) };
}

export function attemptMetrics(execution: Pick<ArchivedExecution, 'io' | 'recent' | 'metrics'>): MetricDump {
  const { io, recent, metrics } = execution;
  const perSecond = (count: number): number => (recent.overMs === 0 ? 0 : (count * 1000) / recent.overMs);
  const { busy, idle, backPressured } = attemptRatios(execution);
  const backPressuredPerSecond = Math.round(backPressured * 1000);
  return {
    numRecordsIn: io.recordsIn,
    numRecordsInPerSecond: perSecond(recent.recordsIn),
    numRecordsOut: io.recordsOut,
    numRecordsOutPerSecond: perSecond(recent.recordsOut),
    numBytesIn: io.bytesIn,
    numBytesInPerSecond: perSecond(recent.bytesIn),
    numBytesOut: io.bytesOut,
    numBytesOutPerSecond: perSecond(recent.bytesOut),
    currentInputWatermark: watermarkText(io.watermark),
    busyTimeMsPerSecond: Math.round(busy * 1000),
    idleTimeMsPerSecond: Math.round(idle * 1000),
    backPressuredTimeMsPerSecond: backPressuredPerSecond,
    softBackPressuredTimeMsPerSecond: backPressuredPerSecond,
    hardBackPressuredTimeMsPerSecond: 0,
    accumulateBusyTimeMs: io.busyMs,
    accumulateIdleTimeMs: io.idleMs,
    accumulateBackPressuredTimeMs: io.backPressuredMs,
    isBackPressured: String(backPressured > 0.1),
    ...metrics,
  };
}

/** As Flink's 64-bit numbers: the ends of Weir's time are the ends of a Java long. */
export function watermarkText(timestamp: number): string {
  if (timestamp <= MIN_TIMESTAMP) return '-9223372036854775808';
  if (timestamp >= MAX_WATERMARK) return '9223372036854775807';
  return String(timestamp);
}
