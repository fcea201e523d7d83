import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { observeGauge } from '../../kit/observe-metric.ts';
import type { Log } from '../../ports/log.ts';
import type { Maintenance, MaintenanceState } from '../../ports/maintenance.ts';

export type MaintenanceParts = {
  /** Of the settings. */
  readonly initial: Maintenance | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
};

/** Maintenance of this replica. */
export type OpenMaintenance = MaintenanceState & {
  /** Undefined ends it. */
  change(to: Maintenance | undefined): void;
  /** Called whenever it begins, or is changed while it lasts. */
  onBegun(callback: () => void): void;
  /** A line for operators while it lasts. */
  details(): readonly string[];
  close(): void;
};

/** The longest wait of a timer. Milliseconds. */
const dayMs = 86_400_000;

/** Begins and ends maintenance: by the settings, by an operator, and by its time. */
export function openMaintenance({ initial, clock, log, meter }: MaintenanceParts): OpenMaintenance {
  let maintenance: Maintenance | undefined;
  let onBegun = () => {};
  let cancel = () => {};

  const look = () => {
    if (maintenance === undefined) return;
    const leftMs = maintenance.untilMs - clock.nowMs();
    if (leftMs > 0) {
      cancel = clock.after(Math.min(leftMs, dayMs), look);
      return;
    }
    maintenance = undefined;
    log.warn('Maintenance has ended by its time: clients are served again.');
  };
  const change = (to: Maintenance | undefined) => {
    cancel();
    maintenance = to !== undefined && to.untilMs > clock.nowMs() ? to : undefined;
    look();
    if (maintenance !== undefined) onBegun();
  };
  const current = () => {
    if (maintenance !== undefined && maintenance.untilMs <= clock.nowMs()) look(); // the timer may be late
    return maintenance;
  };
  change(initial);
  if (maintenance !== undefined) log.warn('Clients are refused for maintenance.', { until: timeText(initial) });
  else if (initial !== undefined)
    log.warn('maintenance.until has passed: clients are served. Remove it from the settings.', { until: timeText(initial) });
  observeGauge(meter, 'portico.maintenance', '1 while clients are refused for maintenance, else 0.', () => (current() === undefined ? 0 : 1));
  return {
    current,
    change,
    onBegun: (callback) => {
      onBegun = callback;
    },
    details: () => (current() === undefined ? [] : [`clients are refused for maintenance until ${timeText(maintenance)}`]),
    close: () => cancel(),
  };
}

/** Its end, for people and programs. */
export function timeText(maintenance: Maintenance | undefined): string | null {
  return maintenance === undefined ? null : new Date(maintenance.untilMs).toISOString();
}
