import { type Line, svgOf } from './line-plot.ts';
import type { Returned } from './reconnect-storm.ts';
import type { ZoneLoss } from './zone-loss.ts';

/** Attempts and accepted handshakes second by second, at once and with jitter. */
export function stormPlot({ clients, handshakesPerSecond, jitterSeconds, atOnce, spread }: ZoneLoss): string {
  const plot = (title: string, { attempts, accepted }: Returned) => ({
    title,
    x: 'seconds since the zone was lost',
    y: 'per second',
    limit: { name: `${handshakesPerSecond} handshakes per second`, y: handshakesPerSecond },
    lines: [line('attempts', attempts), line('accepted', accepted)],
  });
  return svgOf([
    plot(`${clients} clients return at once, and retry with growing waits`, atOnce),
    plot(`The same with a first wait at random within ${jitterSeconds} s`, spread),
  ]);
}

/** A day has more seconds than a picture has points: of so many together the highest is drawn. */
const pointsMost = 1_000;

function line(name: string, values: readonly number[]): Line {
  const each = Math.ceil(values.length / pointsMost);
  const points = Array.from({ length: Math.ceil(values.length / each) }, (_, i) => {
    const some = values.slice(i * each, (i + 1) * each);
    return [i * each, Math.max(...some)] as const;
  });
  return { name, points: [...points, [values.length, 0]] };
}
