import type { Clock } from './clock.ts';

/**
 * Reports the first event of a kind at once, and then the number of further ones, at the end of each window with any.
 * It is bounded by one entry per kind.
 * @param report receives the last event of the window, and how many there were since the previous report
 */
export function onePerWindow<Event>(
  windowMs: number,
  clock: Clock,
  report: (kind: string, last: Event, more: number) => void,
): (kind: string, event: Event) => void {
  const windows = new Map<string, { more: number; last: Event }>();
  return (kind, event) => {
    const open = windows.get(kind);
    if (open !== undefined) {
      open.more += 1;
      open.last = event;
      return;
    }
    const window = { more: 0, last: event };
    windows.set(kind, window);
    report(kind, event, 0);
    const close = () => {
      if (window.more === 0) return void windows.delete(kind);
      report(kind, window.last, window.more);
      window.more = 0;
      clock.after(windowMs, close);
    };
    clock.after(windowMs, close);
  };
}
