import { beginWhen } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Bus } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { Sessions } from '../../ports/sessions.ts';
import { startDeletingEndedSessions } from './delete-ended-sessions.ts';
import { broadcastRevocations, livesOnMs } from './revocation-broadcast.ts';
import { noBroadcasts, pollRevocations, usualIntervals } from './revocation-polling.ts';

/** The sessions that have ended, at this replica and at others. */
export type SessionWatch = {
  readonly revocations: Revocations;
  /** Resolved when all recently ended sessions are loaded; rejected when the database never opens. */
  readonly known: Promise<void>;
  close(): Promise<void>;
};

/** What the watch reads and writes, and how long tokens and sessions live. Milliseconds. */
export type SessionWatchParts = {
  readonly sessions: Pick<Sessions, 'revokedSince' | 'forget'>;
  /** Resolved when the database is open. */
  readonly opened: Promise<void>;
  /** The revocations that this replica knows. */
  readonly local: Revocations;
  /** The bus between replicas; undefined: there is only one replica. */
  readonly bus: Bus | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly accessTokenTtlMs: number;
  /** How long sessions are stored after their end, and the lifetime of one without a refresh and in total. */
  readonly keepMs: number;
  readonly idleMs: number;
  readonly absoluteMs: number;
};

/** Begins to follow the end of sessions, and to delete old ones, once the database is open. */
export function watchEndedSessions(parts: SessionWatchParts): SessionWatch {
  const { sessions, opened, local, bus, clock, log, accessTokenTtlMs, keepMs, idleMs, absoluteMs } = parts;
  const ttlMs = livesOnMs(accessTokenTtlMs);
  const news = bus && broadcastRevocations({ local, bus, clock, log, ttlMaxMs: ttlMs });
  const following = opened.then(() =>
    pollRevocations({ sessions, revocations: local, news: news ?? noBroadcasts, clock, log, ttlMs, ...usualIntervals }),
  );
  const stopDeleting = beginWhen(opened, () => startDeletingEndedSessions({ sessions, clock, log, keepMs, idleMs, absoluteMs }));
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
      stopDeleting();
      news?.close();
    },
  };
}
