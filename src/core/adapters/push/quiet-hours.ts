import { memo } from '../../kit/memo.ts';
import type { QuietHours } from '../../ports/push-tokens.ts';

/** Time zones whose formats are kept: making one takes much longer than using it. */
const formatOf = memo<Intl.DateTimeFormat>(1_000, 64);

/** @returns whether it is a quiet time, by the clock on the wall of the device's time zone */
export function isQuiet(hours: QuietHours | undefined, nowMs: number): boolean {
  if (hours === undefined) return false;
  const { timeZone, fromMinute, toMinute } = hours;
  const format = formatOf(timeZone, () => new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
  const [hour = 0, minute = 0] = format.format(nowMs).split(':').map(Number);
  const now = hour * 60 + minute;
  if (fromMinute === toMinute) return true;
  return fromMinute < toMinute ? fromMinute <= now && now < toMinute : now >= fromMinute || now < toMinute;
}
