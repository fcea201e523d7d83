// What became of each message for each device, from what the platforms got and the database has.
import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../src/core/adapters/sql/database-tables.ts';
import type { KilledWorker } from './killed-workers.ts';

export type Delivered = {
  readonly messages: number;
  readonly devices: number;
  readonly kills: number;
  /** Pairs of a device and a message that it is for. */
  readonly pairs: number;
  readonly pushed: number;
  readonly acknowledged: number;
  /** Pushes of a pair beyond its first, all of which came after a killed worker. */
  readonly repeats: number;
  /** Pairs that were neither pushed nor confirmed nor read. */
  readonly missing: readonly string[];
  /** Repeats that no killed worker explains. */
  readonly unexplained: readonly string[];
  /** Pairs that were pushed although they were confirmed, or read, before a worker took them; and how many were so. */
  readonly unwanted: readonly string[];
  readonly spared: number;
};

/** A device, and a message that is for it. */
export type Pair = {
  readonly key: string;
  readonly device: { readonly sessionId: string; readonly userId: string };
  readonly id: string;
  readonly seq: number;
};

export const keyOf = (token: string, conversationId: string, seq: number | bigint) => `${token} ${conversationId} ${seq}`;

type Happened = Pick<Delivered, 'messages' | 'devices' | 'kills'> & {
  readonly pairs: readonly Pair[];
  /** Pairs that were confirmed or read before a worker took them. */
  readonly spared: ReadonlySet<string>;
  readonly workers: readonly KilledWorker[];
};

export async function deliveredOf(db: Kysely<Database>, { pairs, spared, workers, ...counts }: Happened): Promise<Delivered> {
  const arrivals = new Map<string, boolean[]>();
  for (const { accepted, wasKilled } of workers)
    for (const { token, kind, conversationId, seq } of accepted) {
      if (kind !== 'message') continue;
      const key = keyOf(token, conversationId, seq);
      arrivals.set(key, [...(arrivals.get(key) ?? []), wasKilled]);
    }
  const isConfirmed = await confirmedIn(db);
  return {
    ...counts,
    pairs: pairs.length,
    pushed: arrivals.size,
    acknowledged: pairs.filter(isConfirmed).length,
    repeats: [...arrivals.values()].reduce((sum, { length }) => sum + length - 1, 0),
    missing: pairs.filter((pair) => !arrivals.has(pair.key) && !isConfirmed(pair)).map(({ key }) => key),
    // whoever was not killed has recorded what it sent
    unexplained: [...arrivals].filter(([, killed]) => killed.filter((wasKilled) => !wasKilled).length > 1).map(([key]) => key),
    unwanted: [...spared].filter((key) => arrivals.has(key)),
    spared: spared.size,
  };
}

/** Whether a pair's device has confirmed its message, or one after it, or its user has read it: in the end. */
async function confirmedIn(db: Kysely<Database>): Promise<(pair: Pair) => boolean> {
  const { rows } = await sql<{ key: string; seq: bigint }>`
    SELECT conversation_id || ' ' || device AS key, delivered_seq AS seq FROM chat_devices
    UNION ALL SELECT conversation_id || ' ' || user_id, read_seq FROM chat_members`.execute(db);
  const tops = new Map(rows.map(({ key, seq }) => [key, Number(seq)]));
  return ({ device, id, seq }) => [device.sessionId, device.userId].some((who) => (tops.get(`${id} ${who}`) ?? 0) >= seq);
}
