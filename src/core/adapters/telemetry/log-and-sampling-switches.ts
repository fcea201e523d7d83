import type { Log } from '../../ports/log.ts';
import type { Switch } from '../../ports/switch.ts';
import { type LogOptions, logLevels } from './logger.ts';

export type TelemetrySwitches = { readonly logLevel: Switch; readonly sampleRatio: Switch };

/** What telemetry lets an operator change. Each change is logged, as a warning: it ends with the process. */
export function telemetrySwitches(log: Log & { level: LogOptions['level'] }, ratio: { current: number }): TelemetrySwitches {
  const changed = (name: string, from: string | number, to: string | number) => log.warn('A switch was changed.', { switch: name, from, to });
  return {
    logLevel: {
      read: () => log.level,
      allows: (value) => logLevels.some((level) => level === value),
      allowed: logLevels.map((level) => JSON.stringify(level)).join(', '),
      change: (value) => {
        const from = log.level;
        log.level = value as LogOptions['level'];
        changed('logLevel', from, log.level);
      },
    },
    sampleRatio: {
      read: () => ratio.current,
      allows: (value) => typeof value === 'number' && value >= 0 && value <= 1,
      allowed: 'a number from 0 to 1',
      change: (value) => {
        const from = ratio.current;
        ratio.current = value as number;
        changed('sampleRatio', from, ratio.current);
      },
    },
  };
}
