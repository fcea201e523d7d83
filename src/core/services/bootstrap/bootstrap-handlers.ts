import { Metadata } from 'nice-grpc-common';
import { LocalizedMessage } from '../../../gen/google/rpc/error_details.ts';
import { BootstrapServiceDefinition, GetBootstrapResponse } from '../../../gen/portico/v1/bootstrap.ts';
import { etagOf, matches } from '../../cache/etag.ts';
import type { Clock } from '../../kit/clock.ts';
import { comeBackMs } from '../../kit/maintenance-rules.ts';
import type { Handler } from '../../ports/call.ts';
import type { Maintenance, MaintenanceState } from '../../ports/maintenance.ts';
import { type AppSettings, settingsFor } from './app-settings.ts';

export type BootstrapParts = {
  readonly maintenance: MaintenanceState;
  /** The encoded text for users of the reason MAINTENANCE, or of the maintenance itself. */
  readonly localized: (acceptLanguage: string, texts: Maintenance['texts']) => Uint8Array | undefined;
  readonly apps: AppSettings;
  readonly heartbeatMs: number;
  readonly keepaliveMs: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Over how long clients come back. Milliseconds. */
  readonly spreadMs: number;
};

/** The handlers of portico.v1.BootstrapService, by method. */
export function bootstrapHandlers(parts: BootstrapParts): Readonly<Record<string, Handler>> {
  const { maintenance, localized, apps, heartbeatMs, keepaliveMs, clock } = parts;
  const noticeOf = ({ untilMs, texts }: Maintenance, acceptLanguage: string) => {
    const { locale, message } = LocalizedMessage.decode(localized(acceptLanguage, texts) ?? new Uint8Array());
    return { until: new Date(untilMs), locale, text: message, retryAfterMs: comeBackMs(untilMs - clock.nowMs(), parts) };
  };
  const { fullName, methods } = BootstrapServiceDefinition;
  let etagOfAnswer: ((bytes: Uint8Array) => string) | undefined;
  const getBootstrap: Handler = ({ metadata, plan, protocol }) => {
    const current = maintenance.current();
    const said = (key: string) => String(metadata.get(key) ?? '');
    const own = settingsFor({ platform: said('app-platform'), version: said('app-version') }, apps);
    const notice = current && noticeOf(current, said('accept-language'));
    const body = GetBootstrapResponse.encode({ serverTime: new Date(clock.nowMs()), heartbeatMs, keepaliveMs, maintenance: notice, ...own }).finish();
    etagOfAnswer ??= etagOf(plan.descriptor.output);
    const etag = etagOfAnswer(body);
    const answer = { metadata: Metadata({ etag }), body, trailers: Metadata() };
    if (protocol === 'connect') answer.metadata.set('cache-control', 'private, no-cache').set('vary', asked.join(', '));
    if (!matches(said('if-none-match'), etag)) return answer;
    answer.metadata.set('portico-not-modified', '1');
    return { ...answer, body: new Uint8Array() };
  };
  return { [`${fullName}/${methods.getBootstrap.name}`]: getBootstrap };
}

/** Metadata on which the answer depends: for HTTP caches. */
const asked = ['app-platform', 'app-version', 'accept-language'];
