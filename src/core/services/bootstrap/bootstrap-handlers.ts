import { LocalizedMessage } from '../../../gen/google/rpc/error_details.ts';
import { BootstrapServiceDefinition } from '../../../gen/portico/v1/bootstrap.ts';
import type { Clock } from '../../kit/clock.ts';
import { comeBackMs } from '../../kit/maintenance-bounds.ts';
import type { Handler } from '../../ports/call.ts';
import type { Maintenance, MaintenanceState } from '../../ports/maintenance.ts';
import { serviceHandlers } from '../service-handlers.ts';
import { type AppSettings, settingsFor } from './app-settings.ts';

export type BootstrapParts = {
  readonly maintenance: MaintenanceState;
  /** The encoded text for users of the reason MAINTENANCE, or of the maintenance itself. */
  readonly localized: (acceptLanguage: string, texts: Maintenance['texts']) => Uint8Array | undefined;
  readonly apps: AppSettings;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Over how long clients come back. Milliseconds. */
  readonly spreadMs: number;
};

/** The handlers of portico.v1.BootstrapService, by method. */
export function bootstrapHandlers(parts: BootstrapParts): Readonly<Record<string, Handler>> {
  const { maintenance, localized, apps, heartbeatMs, clock } = parts;
  const noticeOf = ({ untilMs, texts }: Maintenance, acceptLanguage: string) => {
    const { locale, message } = LocalizedMessage.decode(localized(acceptLanguage, texts) ?? new Uint8Array());
    return { until: new Date(untilMs), locale, text: message, retryAfterMs: comeBackMs(untilMs - clock.nowMs(), parts) };
  };
  return serviceHandlers(BootstrapServiceDefinition, {
    getBootstrap: async (_, { metadata }) => {
      const current = maintenance.current();
      const said = (key: string) => String(metadata.get(key) ?? '');
      const own = settingsFor({ platform: said('app-platform'), version: said('app-version') }, apps);
      return { serverTime: new Date(clock.nowMs()), heartbeatMs, maintenance: current && noticeOf(current, said('accept-language')), ...own };
    },
  });
}
