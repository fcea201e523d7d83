import { sql, type Transaction } from 'kysely';
import { Fault, ruleBroken } from '../../../kit/fault.ts';
import { type Blocks, blocksMax } from '../../../ports/blocks.ts';
import { insertUsers } from '../chat/lock-users.ts';
import type { UseDatabase } from '../database-access.ts';
import type { Database } from '../database-tables.ts';

type Tx = Transaction<Database>;

/** Blocks in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlBlocks(use: UseDatabase): Blocks {
  return {
    block: async (userId, blockedId) => {
      if (userId === blockedId) throw ruleBroken('user_id', 'must be another user');
      return change(use, userId, blockedId, async (tx) => {
        const { numAffectedRows } = await sql`INSERT INTO chat_blocks (user_id, blocked_id) VALUES (${userId}, ${blockedId})
          ON CONFLICT DO NOTHING`.execute(tx);
        if (numAffectedRows === 0n) return false;
        const { rows } = await sql`SELECT FROM chat_blocks WHERE user_id = ${userId} OFFSET ${sql.lit(blocksMax)} LIMIT 1`.execute(tx);
        if (rows.length > 0)
          throw new Fault('BLOCKS_TOO_MANY', `A user blocks ${blocksMax} users at most.`, { metadata: { most: String(blocksMax) } });
        return true;
      });
    },
    unblock: (userId, blockedId) =>
      change(use, userId, blockedId, async (tx) => {
        const { numAffectedRows } = await sql`DELETE FROM chat_blocks WHERE user_id = ${userId} AND blocked_id = ${blockedId}`.execute(tx);
        return (numAffectedRows ?? 0n) > 0n;
      }),
    list: (userId, { most, afterId }) =>
      use(async (db) => {
        const { rows } = await sql<{ blocked_id: string; blocked_at: Date }>`SELECT blocked_id, blocked_at FROM chat_blocks
          WHERE user_id = ${userId} AND blocked_id > ${afterId} ORDER BY blocked_id LIMIT ${most}`.execute(db);
        return rows.map((row) => ({ userId: row.blocked_id, blockedAtMs: row.blocked_at.getTime() }));
      }),
  };
}

/** Changes a block, and the user's own state of all conversations with the other one. */
async function change(use: UseDatabase, userId: string, otherId: string, apply: (tx: Tx) => Promise<boolean>): Promise<boolean> {
  const attempt = () =>
    use((db) =>
      db.transaction().execute(async (tx) => {
        await insertUsers(tx, [userId]);
        const locked = await sharedOf(tx, userId, otherId, true);
        await sql`SELECT FROM chat_users WHERE user_id = ${userId} FOR NO KEY UPDATE`.execute(tx);
        // who is added to a conversation holds the lock of the user: there is none that is not seen now
        const shared = await sharedOf(tx, userId, otherId, false);
        if (shared.some((id) => !locked.includes(id))) return undefined;
        if (!(await apply(tx))) return false;
        await sql`
          WITH raised AS (UPDATE chat_users SET last_own_seq = last_own_seq + ${Math.max(1, shared.length)} WHERE user_id = ${userId}
            RETURNING last_own_seq - ${shared.length} AS before)
          UPDATE chat_members m SET own_seq = raised.before + s.place, blocks_seq = raised.before + s.place
          FROM raised, unnest(${[...shared]}::uuid[]) WITH ORDINALITY AS s (id, place)
          WHERE m.conversation_id = s.id AND m.user_id = ${userId}`.execute(tx);
        return true;
      }),
    );
  for (;;) {
    const changed = await attempt();
    if (changed !== undefined) return changed;
  }
}

/** The user's conversations in which the other one is or was a member, too. Locks are taken in the order of the ids. */
async function sharedOf(tx: Tx, userId: string, otherId: string, locks: boolean): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`SELECT m.conversation_id AS id FROM chat_members m
    WHERE m.user_id = ${userId} AND m.left_seq IS NULL
      AND EXISTS (SELECT FROM chat_members o WHERE o.conversation_id = m.conversation_id AND o.user_id = ${otherId})
    ORDER BY m.conversation_id ${locks ? sql`FOR NO KEY UPDATE OF m` : sql``}`.execute(tx);
  return rows.map(({ id }) => id);
}
