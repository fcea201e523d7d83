// A worker that pushes from a real database to servers that answer as the platforms do.
import { createNoopMeter } from '@opentelemetry/api';
import { sql } from 'kysely';
import { apnsSender } from '../../../src/core/adapters/push/apns-sender.ts';
import { readApnsKey } from '../../../src/core/adapters/push/apns-token.ts';
import { readFcmAccount } from '../../../src/core/adapters/push/fcm-account.ts';
import { fcmSender } from '../../../src/core/adapters/push/fcm-sender.ts';
import type { PushText } from '../../../src/core/adapters/push/push-payloads.ts';
import { sqlChat } from '../../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../../src/core/adapters/sql/database-access.ts';
import { openSql, type Sql } from '../../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlPushQueue } from '../../../src/core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../../../src/core/adapters/sql/push/push-tokens.ts';
import { sqlSessions } from '../../../src/core/adapters/sql/sessions.ts';
import type { PushQueue } from '../../../src/core/ports/push-queue.ts';
import type { PushSender } from '../../../src/core/ports/push-sender.ts';
import type { PushProvider } from '../../../src/core/ports/push-tokens.ts';
import { startPushing } from '../../../src/core/services/push/push-worker.ts';
import { type SendLimits, sendLimits } from '../../../src/core/services/push/send-pushes.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import type { PushHarness } from '../../contracts/push-harness.ts';
import { keptLog, quietLog } from '../log.ts';
import { createMigratedDatabase } from '../postgres/postgres.ts';
import { type ApnsServer, apnsIds, openApnsServer } from './apns-server.ts';
import { type FcmServer, openFcmServer } from './fcm-server.ts';

const hour = 3_600_000;

/** A push that waits, as the database has it. */
export type Waiting = {
  readonly leased: boolean;
  readonly attempts: number;
  readonly repeats: number;
  readonly due_in_ms: number;
  readonly kind: string;
};

export type PushWorld = PushHarness & {
  readonly sql: Sql & { readonly url: string };
  readonly apns: ApnsServer;
  readonly fcm: FcmServer;
  waiting(): Promise<readonly Waiting[]>;
  /** Messages that are to be expanded, and pushes that wait. */
  undone(): Promise<number>;
  /** Tokens that are registered. */
  tokenCount(): Promise<number>;
  /** Begins to push. */
  start(options?: WorkerOptions): Worker;
  close(): Promise<void>;
};
export type WorkerOptions = {
  readonly limits?: Partial<SendLimits>;
  readonly text?: PushText;
  /** Where APNs is. */
  readonly apnsUrl?: string;
  /** In place of the database's. */
  readonly queue?: PushQueue;
  readonly senders?: ReadonlyMap<PushProvider, PushSender>;
};
export type Worker = AsyncDisposable & {
  readonly lines: ReturnType<typeof keptLog>['lines'];
  /** Sums of counters by name. */
  counts(name: string): number;
  close(): Promise<void>;
};

export async function openPushWorld(): Promise<PushWorld> {
  const { url, drop } = await createMigratedDatabase();
  const opened = await openSql({ url }, quietLog);
  const { use } = openDatabaseAccess(opened.db);
  const apns = await openApnsServer();
  const fcm = await openFcmServer();
  const queue = sqlPushQueue(use, { life: { idleMs: hour, absoluteMs: hour }, expireMs: hour });
  const close = async () => {
    await apns.close();
    await fcm.close();
    await opened.close();
    await drop();
  };
  return {
    sql: { ...opened, url },
    apns,
    fcm,
    chat: sqlChat(use, { pushAfterMs: 0 }),
    sessions: sqlSessions(use),
    tokens: sqlPushTokens(use),
    queue,
    block: async (userId, blockedId) => {
      await sql`INSERT INTO chat_blocks VALUES (${userId}, ${blockedId})`.execute(opened.db);
    },
    elapse: async () => {
      await sql`UPDATE push_queue SET due_at = now()`.execute(opened.db);
    },
    waiting: async () =>
      (
        await sql<Waiting>`SELECT kind, leased, attempts, repeats, (extract(epoch FROM due_at - now()) * 1000)::float8 AS due_in_ms
          FROM push_queue ORDER BY id`.execute(opened.db)
      ).rows,
    undone: async () =>
      Number(
        (await sql<{ n: bigint }>`SELECT (SELECT count(*) FROM chat_outbox) + (SELECT count(*) FROM push_queue) AS n`.execute(opened.db)).rows[0]?.n,
      ),
    tokenCount: async () => (await sql`SELECT FROM push_tokens`.execute(opened.db)).rows.length,
    start: ({ limits, text = 'place', queue: given = queue, senders, apnsUrl = apns.url } = {}) => {
      const { log, lines } = keptLog();
      const { meter, sum } = countingMeter();
      const common = { text, clock: systemClock, log };
      const key = { teamId: apnsIds.teamId, keyId: apnsIds.keyId, key: readApnsKey(apns.key) };
      const platforms = () =>
        new Map<PushProvider, PushSender>([
          ['apns', apnsSender({ ...key, url: apnsUrl, sandboxUrl: apns.url, ...common })],
          ['fcm', fcmSender({ account: readFcmAccount(fcm.account), url: fcm.url, ...common, fetch })],
        ]);
      const { close } = startPushing({
        queue: given,
        senders: senders ?? platforms(),
        opened: Promise.resolve(),
        clock: systemClock,
        random: Math.random,
        log,
        meter,
        limits: { ...sendLimits, everyMs: 20, ...limits },
      });
      return { lines, counts: sum, close, [Symbol.asyncDispose]: close };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A meter that adds up its counters. */
function countingMeter() {
  const sums = new Map<string, number>();
  const meter = createNoopMeter();
  const counting = Object.create(meter) as typeof meter;
  counting.createCounter = (name) => ({
    add: (count, attributes) => {
      for (const key of [name, ...Object.values(attributes ?? {}).map((value) => `${name} ${value}`)]) sums.set(key, (sums.get(key) ?? 0) + count);
    },
  });
  return { meter: counting, sum: (name: string) => sums.get(name) ?? 0 };
}
