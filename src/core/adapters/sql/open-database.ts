import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import { openDatabaseAccess, type UseDatabase } from './database-access.ts';
import { fitOf, type Migration, migrate } from './migrate.ts';
import { openSql, type Sql, type SqlOptions } from './postgres-or-pglite.ts';

/** The database of a server, opened while the server already runs. */
export type OpeningDatabase = {
  readonly use: UseDatabase;
  /** Whether it is open and its schema fits. */
  readonly ready: Promise<void>;
  /** Resolved when it was ready and will never be ready again: the embedded database has ended. */
  readonly lost: Promise<void>;
  /** Why it is not ready, for /readyz and the log. */
  waitsFor(): string | undefined;
  close(): Promise<void>;
};

/** The interval of retries while the database is unavailable or its schema does not fit. Milliseconds. */
const againMs = 1_000;

export type DatabaseParts = {
  readonly where: SqlOptions;
  readonly migrations: readonly Migration[];
  readonly clock: Clock;
  readonly log: Log;
  /** The database is opened once this is resolved: after the banner, and never if a port is in use. */
  readonly listening: Promise<void>;
  readonly meter?: Meter;
  readonly open?: typeof openSql;
};

/**
 * Opens the database after the banner. The embedded one is migrated here. `portico migrate` migrates PostgreSQL; until
 * then opening is retried, and the reason is reported.
 */
export function openDatabase({ where, migrations, clock, log, listening, meter, open = openSql }: DatabaseParts): OpeningDatabase {
  const embedded = 'folder' in where;
  let waiting: string | undefined = 'the database is being opened';
  let closed = false;
  let opened: Sql | undefined;
  let wake = () => {};
  const waitFor = (line: string) => {
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
  const attempt = async (): Promise<Sql | undefined> => {
    opened ??= await open(where, log, meter);
    if (embedded) await migrate(opened.db, migrations);
    const { misfit, newer } = await fitOf(opened.db, migrations);
    if (misfit !== undefined) waitFor(misfit);
    else if (newer.length > 0) log.warn(`The database was migrated by a newer release (${newer.join(', ')}): fine while that replaces this one.`);
    return misfit === undefined ? opened : undefined;
  };
  const untilFit = async (): Promise<Sql> => {
    await listening;
    for (;;) {
      if (closed) throw new Error('The server is stopping.');
      try {
        const fit = await attempt();
        if (fit !== undefined) {
          waiting = undefined;
          return fit;
        }
      } catch (error) {
        if (embedded) throw error; // only an operator can fix it: the folder is in use, or broken
        waitFor(`the database cannot be reached: ${error instanceof Error ? error.message : error}`);
      }
      await pause();
    }
  };
  const opening = untilFit();
  const db = opening.then((sql) => sql.db);
  const access = openDatabaseAccess(db);
  const ready = db.then(() => {});
  const lost = opening
    .then((sql) => sql.lost)
    .then((why) => {
      waiting = why;
    });
  lost.catch(() => {}); // never ready: `ready` reports it
  ready.catch(() => {}); // waiting callers receive it; a server that closes before has none
  return {
    use: access.use,
    ready,
    lost,
    waitsFor: () => waiting,
    close: async () => {
      closed = true;
      wake();
      const closing = access.close();
      await opening.catch(() => {}); // a database that is being opened is closed in order
      await closing;
      await opened?.close();
    },
  };
}
