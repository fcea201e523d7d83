import type { Meter } from '@opentelemetry/api';
import type { ErrorTable } from '../core/interceptors/localized-error-table.ts';
import { refuseDuringMaintenance } from '../core/interceptors/refuse-during-maintenance.ts';
import type { Clock } from '../core/kit/clock.ts';
import { comeBackMs, maintenanceMaxMs, parseTime } from '../core/kit/maintenance-rules.ts';
import type { Log } from '../core/ports/log.ts';
import type { Maintenance } from '../core/ports/maintenance.ts';
import { bootstrapHandlers } from '../core/services/bootstrap/bootstrap-handlers.ts';
import { maintenanceSwitch, openMaintenance } from '../core/services/bootstrap/open-maintenance.ts';
import { closeFor } from '../core/streams/close-advice.ts';
import type { Registry } from '../core/streams/stream-registry.ts';
import type { Settings } from '../settings.ts';

type Parts = { readonly clock: Clock; readonly random: () => number; readonly log: Log; readonly meter: Meter };

/** Maintenance, and all by which clients notice it. @throws Error for a time that is too far away */
export function wireMaintenance(settings: Settings, { localized }: Pick<ErrorTable, 'localized'>, { clock, random, log, meter }: Parts) {
  const maintenance = openMaintenance({ initial: initialOf(settings, clock), clock, log, meter });
  const delay = { random, spreadMs: settings.drain.spread };
  const { heartbeat: heartbeatMs } = settings.live;
  return {
    handlers: bootstrapHandlers({
      maintenance,
      localized: (acceptLanguage, texts) => localized('MAINTENANCE', acceptLanguage, texts),
      apps: settings.bootstrap,
      heartbeatMs,
      keepaliveMs: settings.bootstrap.keepalive,
      clock,
      ...delay,
    }),
    interceptor: refuseDuringMaintenance({ maintenance, clock, ...delay }),
    switch: maintenanceSwitch(maintenance, { clock, log }),
    details: maintenance.details,
    close: maintenance.close,
    /** Closes the streams of these services when it begins. */
    closeStreams: (services: readonly Pick<Registry, 'closeAll'>[]) =>
      maintenance.onBegun(() => {
        for (const { closeAll } of services)
          closeAll(delay.spreadMs, () => {
            const current = maintenance.current();
            const message = 'The service is under maintenance.';
            return current && { ...closeFor('MAINTENANCE', message), delayMs: comeBackMs(current.untilMs - clock.nowMs(), delay) };
          });
      }),
  };
}

function initialOf({ maintenance }: Settings, clock: Clock): Maintenance | undefined {
  if (maintenance === undefined) return undefined;
  const untilMs = parseTime(maintenance.until) ?? 0;
  if (untilMs > clock.nowMs() + maintenanceMaxMs)
    throw new Error(`maintenance.until: ${maintenance.until} is more than 7 days away. Nobody would remember to end it.`);
  return { untilMs, texts: maintenance.texts };
}
