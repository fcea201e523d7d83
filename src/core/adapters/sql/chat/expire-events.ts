import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { beginWhen, type Run, repeat, tryAgain } from '../../../kit/background-work.ts';
import type { Clock } from '../../../kit/clock.ts';
import type { Log } from '../../../ports/log.ts';
import type { UseDatabase } from '../database-access.ts';
import { takeTurn } from '../job-turns.ts';

/** How long events are kept, by the kind of their conversation. Milliseconds; undefined: for ever. */
export type Retention = { readonly direct?: number | undefined; readonly group?: number | undefined };

/** Events of one transaction, which is some milliseconds of the conversation's lock. */
const eventsMax = 500;
/** Conversations of one look. */
const conversationsMax = 100;
const everyMs = 60_000;
/** One replica expires events until it has not taken its turn for so long. */
const turnMs = 300_000;

/** Deletes what is older than the settings keep, while it is the turn of this replica. @returns stops it */
export function startExpiring(
  use: UseDatabase,
  { retention, opened, clock, log }: { readonly retention: Retention; readonly opened: Promise<void>; readonly clock: Clock; readonly log: Log },
): () => void {
  const holder = randomUUID();
  if (retention.direct === undefined && retention.group === undefined) return () => {};
  const warn = (error: unknown) => log.warn('Old messages could not be deleted: it is tried again in a minute.', { error });
  const expire: Run = async (isStopped) => {
    await expireEvents(use, retention, { holder, isStopped });
    return everyMs;
  };
  return beginWhen(opened, () => repeat(clock, everyMs, tryAgain(everyMs, warn, expire)));
}

/** One round: all that is old enough, but of conversations that are busy. @returns how many events were deleted */
export async function expireEvents(
  use: UseDatabase,
  retention: Retention,
  { holder, isStopped }: { readonly holder: string; isStopped(): boolean },
): Promise<number> {
  const isOurTurn = async () => (await use((db) => takeTurn(db, { name: 'chat.expire', holder, forMs: turnMs }))) !== undefined;
  let deleted = 0;
  for (const kind of ['direct', 'group'] as const) {
    const ageMs = retention[kind];
    const busy = new Set<string>();
    while (ageMs !== undefined && !isStopped() && (await isOurTurn())) {
      const ids = await oldOnes(use, kind, ageMs, busy);
      if (ids.length === 0) break;
      for (const id of ids) {
        const expired = await expireOne(use, id, ageMs, isStopped);
        deleted += expired.count;
        if (expired.isBusy) busy.add(id);
      }
    }
  }
  return deleted;
}

async function oldOnes(use: UseDatabase, kind: 'direct' | 'group', ageMs: number, busy: ReadonlySet<string>): Promise<readonly string[]> {
  const { rows } = await use((db) =>
    sql<{ id: string }>`SELECT id FROM chat_conversations
      WHERE kind = ${kind} AND coalesce(oldest_at, created_at) < now() - ${ageMs} * interval '1 ms' AND id <> ALL (${[...busy]}::uuid[])
      ORDER BY coalesce(oldest_at, created_at) LIMIT ${conversationsMax}`.execute(db),
  );
  return rows.map(({ id }) => id);
}

/** Ends when all that is old is deleted, or when somebody sends to the conversation. */
async function expireOne(
  use: UseDatabase,
  id: string,
  ageMs: number,
  isStopped: () => boolean,
): Promise<{ readonly count: number; readonly isBusy: boolean }> {
  let count = 0;
  for (;;) {
    const { rows } = await use((db) =>
      sql<{ deleted: number | null }>`SELECT chat_expire(${id}::uuid, now() - ${ageMs} * interval '1 ms', ${eventsMax}) AS deleted`.execute(db),
    );
    const deleted = rows[0]?.deleted ?? undefined;
    count += deleted ?? 0;
    if (deleted === undefined || deleted === 0 || isStopped()) return { count, isBusy: deleted === undefined };
  }
}
