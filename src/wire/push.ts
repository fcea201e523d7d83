import type { Meter } from '@opentelemetry/api';
import { logSender } from '../core/adapters/push/log-sender.ts';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { sqlPushQueue } from '../core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../core/adapters/sql/push/push-tokens.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import type { PushSender } from '../core/ports/push-sender.ts';
import type { PushProvider } from '../core/ports/push-tokens.ts';
import { deviceHandlers } from '../core/services/device/device-handlers.ts';
import { startPushing } from '../core/services/push/open-push.ts';
import type { Settings } from '../settings.ts';

export type PushWiring = {
  readonly handlers: Readonly<Record<string, Handler>>;
  close(): Promise<void>;
};

/** @param opened resolved when the database is there */
export function wirePush(
  { push, auth }: Settings,
  use: UseDatabase,
  opened: Promise<void>,
  { clock, log, meter }: { readonly clock: Clock; readonly log: Log; readonly meter: Meter },
): PushWiring {
  const life = { idleMs: auth.sessionIdle, absoluteMs: auth.sessionTtl };
  const queue = sqlPushQueue(use, { life, expireMs: push.expire });
  const senders = sendersOf(push, log);
  const handlers = deviceHandlers({ tokens: sqlPushTokens(use), providers: new Set(senders.keys()), topics: push.apns?.topics ?? [] });
  if (senders.size === 0) return { handlers, close: async () => {} };
  const { close } = startPushing({ queue, senders, opened, clock, random: Math.random, log, meter });
  return { handlers, close };
}

function sendersOf({ provider }: Settings['push'], log: Log): ReadonlyMap<PushProvider, PushSender> {
  if (provider === 'log') return new Map((['apns', 'fcm'] as const).map((name) => [name, logSender(log)]));
  return new Map();
}

/** After how long a message is due to be pushed; undefined: never. */
export function pushAfterMs({ push }: Pick<Settings, 'push'>): number | undefined {
  return push.provider === 'off' ? undefined : push.after;
}
