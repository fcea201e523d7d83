import { sql, type Transaction } from 'kysely';
import { ruleBroken } from '../../../kit/fault.ts';
import type { Database } from '../database-tables.ts';

/** @throws Fault REQUEST_INVALID for a user who is named twice */
export function checkOnce(field: string, changes: readonly { readonly userId: string }[]): void {
  if (new Set(changes.map(({ userId }) => userId)).size < changes.length) throw ruleBroken(field, 'must name each user once');
}

/** In one order, so that two transactions do not wait for each other. */
export async function insertUsers(tx: Transaction<Database>, userIds: readonly string[]): Promise<void> {
  await sql`INSERT INTO chat_users (user_id) SELECT unnest(${[...userIds].sort(byBytes)}::text[]) ON CONFLICT DO NOTHING`.execute(tx);
}

/** The beginning and the end of a membership is a change that the user sees. The last locks of a transaction. */
export async function raiseUsers(tx: Transaction<Database>, conversationId: string, userIds: readonly string[]): Promise<void> {
  await sql`
    WITH locked AS (SELECT user_id FROM chat_users WHERE user_id = ANY(${[...userIds]}::text[]) ORDER BY user_id FOR NO KEY UPDATE),
    raised AS (UPDATE chat_users u SET last_own_seq = u.last_own_seq + 1 FROM locked WHERE u.user_id = locked.user_id
      RETURNING u.user_id, u.last_own_seq)
    UPDATE chat_members m SET own_seq = raised.last_own_seq FROM raised
    WHERE m.conversation_id = ${conversationId} AND m.user_id = raised.user_id`.execute(tx);
}

/** PostgreSQL's order of text in the collation "C" is that of UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
