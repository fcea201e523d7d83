import { memoryRevocations } from '../core/adapters/memory/revocations.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import type { Revocations } from '../core/ports/revocations.ts';
import { startJanitor } from '../core/services/session/janitor.ts';
import { followRevocations, noNews } from '../core/services/session/revocation-news.ts';
import { sharedRevocations } from '../core/services/session/shared-revocations.ts';
import type { Settings } from '../settings.ts';
import type { Cluster } from './cluster.ts';
import type { Storage } from './storage.ts';

/** Which sessions have ended, here and at other replicas. */
export type SessionWatch = {
  readonly revocations: Revocations;
  /** Resolved when every session that ended lately is known; rejected when the database never opens. */
  readonly known: Promise<void>;
  close(): Promise<void>;
};

/** Sessions that other replicas ended: how often SQL is asked for them, and how often while the bus tells of them at once. Milliseconds. */
const everyMs = 1_000;
const wholeEveryMs = 5_000;
/** For how much longer than its tokens live an ended session is remembered: clocks differ. Milliseconds. */
const tokenMarginMs = 60_000;

/** Begins to follow which sessions end, and to tidy those that are long over, once the database is open. */
export function watchSessions({
  settings,
  storage,
  cluster,
  clock,
  log,
}: {
  readonly settings: Pick<Settings, 'auth'>;
  readonly storage: Storage;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}): SessionWatch {
  const { accessTokenTtl, sessionKeep, sessionIdle, sessionTtl } = settings.auth;
  const { sessions } = storage;
  const ttlMs = accessTokenTtl + tokenMarginMs;
  const ended = memoryRevocations(clock);
  const news = cluster.redis && sharedRevocations({ local: ended, bus: cluster.bus, clock, log, ttlMaxMs: ttlMs });
  const following = storage.ready.then(() =>
    followRevocations({ sessions, revocations: ended, news: news ?? noNews, clock, log, ttlMs, everyMs, wholeEveryMs }),
  );
  const tidying = storage.ready.then(() => startJanitor({ sessions, clock, log, keepMs: sessionKeep, idleMs: sessionIdle, absoluteMs: sessionTtl }));
  tidying.catch(() => {}); // whoever waits for the database hears of it
  return {
    revocations: news ?? ended,
    known: following.then(
      () => {},
      (error: unknown) => {
        throw new Error(`The database cannot be used: ${error instanceof Error ? error.message : error}`, { cause: error });
      },
    ),
    close: async () => {
      (await following.catch(() => () => {}))();
      (await tidying.catch(() => () => {}))();
      news?.close();
    },
  };
}
