import type { Clock } from '../../kit/clock.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Sessions } from '../../ports/sessions.ts';
import { livesOnMs } from './access-tokens.ts';
import { startJanitor } from './janitor.ts';
import { followRevocations, noNews } from './revocation-news.ts';
import { sharedRevocations } from './shared-revocations.ts';

/** Which sessions have ended, here and at other replicas. */
export type SessionWatch = {
  readonly revocations: Revocations;
  /** Resolved when every session that ended lately is known; rejected when the database never opens. */
  readonly known: Promise<void>;
  close(): Promise<void>;
};

export type SessionWatchParts = {
  readonly sessions: Pick<Sessions, 'revokedSince' | 'forget'>;
  /** Resolved when the database is open. */
  readonly opened: Promise<void>;
  /** What this replica knows. */
  readonly local: Revocations;
  /** What replicas tell each other by; undefined: there is no other. */
  readonly bus: Bus | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessTokenTtlMs: number;
  /** How long sessions are kept after their end, and how long one lives without a refresh, and at all. */
  readonly keepMs: number;
  readonly idleMs: number;
  readonly absoluteMs: number;
};

/** Sessions that other replicas ended: how often SQL is asked for them, and how often while the bus tells of them at once. Milliseconds. */
const everyMs = 1_000;
const wholeEveryMs = 5_000;

/** Begins to follow which sessions end, and to tidy those that are long over, once the database is open. */
export function watchSessions(parts: SessionWatchParts): SessionWatch {
  const { sessions, opened, local, bus, clock, log, accessTokenTtlMs, keepMs, idleMs, absoluteMs } = parts;
  const ttlMs = livesOnMs(accessTokenTtlMs);
  const news = bus && sharedRevocations({ local, bus, clock, log, ttlMaxMs: ttlMs });
  const following = opened.then(() =>
    followRevocations({ sessions, revocations: local, news: news ?? noNews, clock, log, ttlMs, everyMs, wholeEveryMs }),
  );
  const tidying = opened.then(() => startJanitor({ sessions, clock, log, keepMs, idleMs, absoluteMs }));
  tidying.catch(() => {}); // whoever waits for the database sees it
  return {
    revocations: news ?? local,
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
