// A worker that pushes from a database, as a process of its own, which can be killed at any time.
import { createNoopMeter } from '@opentelemetry/api';
import { apnsSender } from '../../../src/core/adapters/push/apns-sender.ts';
import { readApnsKey } from '../../../src/core/adapters/push/apns-token.ts';
import { readFcmAccount } from '../../../src/core/adapters/push/fcm-account.ts';
import { fcmSender } from '../../../src/core/adapters/push/fcm-sender.ts';
import { openDatabaseAccess } from '../../../src/core/adapters/sql/database-access.ts';
import { openSql } from '../../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlPushQueue } from '../../../src/core/adapters/sql/push/push-queue.ts';
import { startPushing } from '../../../src/core/services/push/push-worker.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { quietLog } from '../../support/log.ts';
import { apnsIds } from '../../support/push/apns-server.ts';
import type { RedisPlace } from '../../support/redis/redis.ts';

/** What a worker is to do, as JSON in its environment. */
export type WorkerOrders = {
  readonly databaseUrl: string;
  /** Of a replica. */
  readonly dataDir?: string;
  readonly redis?: RedisPlace;
  readonly apns: { readonly url: string; readonly key: string };
  readonly fcm: { readonly url: string; readonly account: string };
};

const { databaseUrl, apns, fcm } = JSON.parse(process.env.WORKER_ORDERS ?? '') as WorkerOrders;
const { db } = await openSql({ url: databaseUrl }, quietLog);
const common = { text: 'place', clock: systemClock, log: quietLog } as const;
const hour = 3_600_000;
// keeps it alive, whose timers do not, and ends it with the process that it belongs to
process.stdin.resume().on('end', () => process.exit());
startPushing({
  queue: sqlPushQueue(openDatabaseAccess(db).use, { life: { idleMs: hour, absoluteMs: hour }, expireMs: hour }),
  senders: new Map([
    ['apns', apnsSender({ ...apnsIds, key: readApnsKey(apns.key), url: apns.url, sandboxUrl: apns.url, ...common })],
    ['fcm', fcmSender({ account: readFcmAccount(fcm.account), url: fcm.url, ...common, fetch })],
  ]),
  opened: Promise.resolve(),
  clock: systemClock,
  random: Math.random,
  log: quietLog,
  meter: createNoopMeter(),
  limits: { atOnce: 50, everyMs: 50, timeoutMs: 5_000, leaseMs: 12_000 }, // a killed one is soon followed; a busy machine answers
});
console.log('ready');
