import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { parseDurationMs } from '../../kit/duration.ts';
import { areTexts, maintenanceMaxMs, parseTime, textBytesMax, textsMax } from '../../kit/maintenance-rules.ts';
import { observeGauge } from '../../kit/observe-metric.ts';
import type { Log } from '../../ports/log.ts';
import type { Maintenance, MaintenanceState } from '../../ports/maintenance.ts';
import type { Switch } from '../../ports/switch.ts';

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

/**
 * Lets an operator begin, change and end maintenance. The admin listener knows no identities, so what it takes is
 * bounded, and is a plain text.
 */
export function maintenanceSwitch(maintenance: OpenMaintenance, { clock, log }: { readonly clock: Clock; readonly log: Log }): Switch {
  const read = () => {
    const current = maintenance.current();
    return current === undefined ? null : { until: timeText(current), texts: current.texts };
  };
  /** How long it is to last. NaN: that is not said, or said twice. */
  const leftMs = ({ for: duration, until }: Readonly<Record<string, unknown>>): number => {
    if (typeof duration === 'string' && until === undefined) return parseDurationMs(duration) ?? Number.NaN;
    if (typeof until === 'string' && duration === undefined) return (parseTime(until) ?? Number.NaN) - clock.nowMs();
    return Number.NaN;
  };
  return {
    read,
    allows: (value) => {
      if (value === null) return true;
      if (typeof value !== 'object' || Array.isArray(value)) return false;
      const wish = value as Readonly<Record<string, unknown>>;
      if (Object.keys(wish).some((name) => !['for', 'until', 'texts'].includes(name))) return false;
      const ms = leftMs(wish);
      return ms > 0 && ms <= maintenanceMaxMs && (wish.texts === undefined || areTexts(wish.texts));
    },
    allowed:
      'null, or {"for": "30m", "texts": {"en": "…"}}, or with "until": "2026-11-26T22:00:00Z" in place of "for": at most 7 days from now, ' +
      `at most ${textsMax} languages, and plain texts of at most ${textBytesMax} bytes`,
    change: (value) => {
      const from = read();
      const wish = value as Readonly<Record<string, unknown>> | null;
      maintenance.change(wish === null ? undefined : { untilMs: clock.nowMs() + leftMs(wish), texts: (wish.texts ?? {}) as Record<string, string> });
      log.warn('A switch was changed.', { switch: 'maintenance', from, to: read() });
    },
  };
}
