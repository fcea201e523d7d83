import { fitOf, type Migration, migrate } from '../core/adapters/sql/migrate.ts';
import { openSql, type Sql } from '../core/adapters/sql/open-sql.ts';
import { sqlSessions } from '../core/adapters/sql/sessions.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import type { Sessions } from '../core/ports/sessions.ts';
import type { Settings } from '../settings.ts';

export type Storage = {
  /** Its calls wait until the database is open and its schema fits. */
  readonly sessions: Sessions;
  /** Open, and its schema fits. */
  readonly ready: Promise<void>;
  /** Resolved when it was ready and will never be again: the embedded database has ended. */
  readonly lost: Promise<void>;
  /** Why it is not ready, for /readyz and the log. */
  waitsFor(): string | undefined;
  close(): Promise<void>;
};

/** How often a database that is not there, or whose schema does not fit, is looked at again. Milliseconds. */
const againMs = 1_000;

export type StorageParts = {
  readonly settings: Settings;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly log: Log;
  /** The database is opened once this is resolved: behind the banner, and not at all when a port is taken. */
  readonly listening: Promise<void>;
  readonly open?: typeof openSql;
};

/** Opens the database behind the banner. The embedded one is migrated by us; for PostgreSQL `portico migrate` does it, and until then we wait and say so. */
export function openStorage({ settings, migrations, clock, log, listening, open: openDatabase = openSql }: StorageParts): Storage {
  let waiting: string | undefined = 'the database is being opened';
  let closed = false;
  let opened: Sql | undefined;
  let wake = () => {};
  /** Calls that have begun: a pool that is ended forgets those that wait for a connection, and they would never end. */
  const calls = new Set<Promise<unknown>>();
  const say = (line: string) => {
    if (line !== waiting) log.warn(line);
    waiting = line;
  };
  const pause = () =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(againMs, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  const fits = async (): Promise<boolean> => {
    opened ??= await openDatabase(
      settings.embedded ? { folder: settings.dataDir } : { url: settings.sql.url ?? '', connectionsMax: settings.sql.connectionsMax },
      log,
    );
    if (settings.embedded) await migrate(opened.db, migrations);
    const { misfit, newer } = await fitOf(opened.db, migrations);
    if (misfit !== undefined) say(misfit);
    else if (newer.length > 0) log.warn(`The database was migrated by a newer release (${newer.join(', ')}): fine while that replaces this one.`);
    return misfit === undefined;
  };
  const open = async (): Promise<Sessions> => {
    await listening;
    for (;;) {
      if (closed) throw new Error('The server is stopping.');
      try {
        if (await fits()) {
          waiting = undefined;
          return sqlSessions((opened as Sql).db);
        }
      } catch (error) {
        if (settings.embedded) throw error; // nothing but a person can help: the folder is in use, or broken
        say(`the database cannot be reached: ${error instanceof Error ? error.message : error}`);
      }
      await pause();
    }
  };
  const opening = open();
  const ready = opening.then(() => {});
  const lost = ready
    .then(() => opened?.lost)
    .then((why) => {
      waiting = why;
    });
  lost.catch(() => {}); // never ready: said below
  ready.catch(() => {}); // whoever waits hears of it; a server that is closed before has nobody who does
  const whenOpen =
    <Args extends unknown[], Result>(method: (sessions: Sessions) => (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      const sessions = await opening;
      if (closed) throw new Error('The server is stopping.');
      const call = method(sessions)(...args);
      calls.add(call);
      try {
        return await call;
      } finally {
        calls.delete(call);
      }
    };
  return {
    sessions: {
      create: whenOpen((sessions) => sessions.create),
      refresh: whenOpen((sessions) => sessions.refresh),
      ofUser: whenOpen((sessions) => sessions.ofUser),
      revoke: whenOpen((sessions) => sessions.revoke),
      revokeAll: whenOpen((sessions) => sessions.revokeAll),
      revokedSince: whenOpen((sessions) => sessions.revokedSince),
      useNonce: whenOpen((sessions) => sessions.useNonce),
      forget: whenOpen((sessions) => sessions.forget),
    },
    ready,
    lost,
    waitsFor: () => waiting,
    close: async () => {
      closed = true;
      wake();
      await opening.catch(() => {}); // one that is just opening is closed in order
      await Promise.allSettled(calls);
      await opened?.close();
    },
  };
}
