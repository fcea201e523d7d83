import { join } from 'node:path';
import type { Meter } from '@opentelemetry/api';
import { apnsSender } from '../core/adapters/push/apns-sender.ts';
import { type ApnsKey, readApnsKey } from '../core/adapters/push/apns-token.ts';
import { folderSender, logSender } from '../core/adapters/push/dev-senders.ts';
import { type FcmAccount, readFcmAccount } from '../core/adapters/push/fcm-account.ts';
import { fcmSender } from '../core/adapters/push/fcm-sender.ts';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { sqlPushQueue } from '../core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../core/adapters/sql/push/push-tokens.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import type { PushSender } from '../core/ports/push-sender.ts';
import type { PushProvider } from '../core/ports/push-tokens.ts';
import { deviceHandlers } from '../core/services/device/device-handlers.ts';
import { type NotifyBy, notifyBy } from '../core/services/push/notify.ts';
import { startPushing } from '../core/services/push/push-worker.ts';
import type { Settings } from '../settings.ts';

export type PushWiring = {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly notifyBy: NotifyBy;
  close(): Promise<void>;
};

/** The keys of the platforms that are set. */
export type PushKeys = { readonly apns?: ApnsKey; readonly fcm?: FcmAccount };

/** @throws Error naming a key that cannot be used */
export function readPushKeys({ apns, fcm }: Settings['push']): PushKeys {
  return { ...(apns && { apns: { ...apns, key: readApnsKey(apns.key ?? '') } }), ...(fcm && { fcm: readFcmAccount(fcm.account ?? '') }) };
}

type Parts = {
  readonly keys: PushKeys;
  readonly use: UseDatabase;
  /** Resolved when the database is there. */
  readonly opened: Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
};

export function wirePush(settings: Settings, { use, ...parts }: Parts): PushWiring {
  const { push, auth } = settings;
  const life = { idleMs: auth.sessionIdle, absoluteMs: auth.sessionTtl };
  const queue = sqlPushQueue(use, { life, expireMs: push.expire });
  const senders = sendersOf(settings, parts);
  const handlers = deviceHandlers({ tokens: sqlPushTokens(use), providers: new Set(senders.keys()), topics: push.apns?.topics ?? [] });
  const notify = notifyBy(senders.size === 0 ? undefined : queue, { expireMs: push.expire });
  if (senders.size === 0) return { handlers, notifyBy: notify, close: async () => {} };
  return { handlers, notifyBy: notify, ...startPushing({ ...parts, queue, senders, random: Math.random }) };
}

function sendersOf(
  { push: { provider, apns, fcm, content: text }, dataDir }: Pick<Settings, 'push' | 'dataDir'>,
  { keys, ...parts }: Pick<Parts, 'keys' | 'clock' | 'log'>,
): ReadonlyMap<PushProvider, PushSender> {
  const common = { ...parts, text };
  const senders = new Map<PushProvider, PushSender>();
  if (provider === 'log') {
    const sender = logSender(parts.log);
    return senders.set('apns', sender).set('fcm', folderSender(pushFolder(dataDir), text, sender));
  }
  if (provider === 'off') return senders;
  if (apns !== undefined && keys.apns !== undefined) senders.set('apns', apnsSender({ ...common, ...apns, ...keys.apns }));
  if (fcm !== undefined && keys.fcm !== undefined) senders.set('fcm', fcmSender({ ...common, account: keys.fcm, url: fcm.url, fetch }));
  return senders;
}

/** Where terminal clients on this machine get their pushes. */
export const pushFolder = (dataDir: string) => join(dataDir, 'pushes');

/** After how long a message is due to be pushed; undefined: never. */
export function pushAfterMs({ push }: Pick<Settings, 'push'>): number | undefined {
  return push.provider === 'off' ? undefined : push.after;
}
