import type { Clock } from '../../kit/clock.ts';
import { parseDurationMs } from '../../kit/duration.ts';
import { areTexts, maintenanceMaxMs, parseTime, textBytesMax, textsMax } from '../../kit/maintenance-bounds.ts';
import type { Log } from '../../ports/log.ts';
import type { Switch } from '../../ports/switch.ts';
import { type OpenMaintenance, timeText } from './open-maintenance.ts';

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
