import { type Kysely, sql } from 'kysely';
import { ruleBroken } from '../../../kit/fault.ts';
import type { ChatStore } from '../../../ports/chat.ts';
import type { Database } from '../database-tables.ts';
import { attachmentsColumn } from '../media/attachment-rows.ts';
import { unknownConversation } from './append-events.ts';
import { type EventRow, eventOf } from './what-members-see.ts';

/**
 * What one call reads at most, whatever was written: 5,000 messages of 100 characters are 60 ms of to_tsvector, and
 * so is half a MiB of long ones. The next page goes on where it stopped.
 */
const rowsMost = 5_000;
const bytesMost = 524_288;

/** See `ChatStore.search`. */
export async function searchMessages(
  db: Kysely<Database>,
  ...[userId, conversationId, { language, query, most, beforeSeq }]: Parameters<ChatStore['search']>
): ReturnType<ChatStore['search']> {
  const { rows: begun } = await sql<{ after_seq: bigint; nodes: number; query: string }>`
    SELECT m.after_seq, numnode(q) AS nodes, q::text AS query
    FROM chat_members m, websearch_to_tsquery(${language}::regconfig, ${query}) AS q
    WHERE m.conversation_id = ${conversationId} AND m.user_id = ${userId} AND m.left_seq IS NULL`.execute(db);
  const [start] = begun;
  if (start === undefined) throw unknownConversation();
  if (start.nodes === 0) throw ruleBroken('query', 'has no word to search for');
  // what the reader may not see was left out; LIMIT keeps the planner from reading the whole conversation for the join
  const { rows } = await sql<EventRow & { stopped_at: bigint | null }>`
    SELECT e.*, ${attachmentsColumn(sql`e.attachment_ids`)}, false AS hidden, s.stopped_at
    FROM chat_search(${conversationId}::uuid, ${userId}, ${start.after_seq}::bigint, ${beforeSeq ?? Number.MAX_SAFE_INTEGER}::bigint,
      ${language}::regconfig, ${start.query}::tsquery, ${most}, ${rowsMost}, ${bytesMost}) AS s
    LEFT JOIN LATERAL (SELECT * FROM chat_events WHERE conversation_id = ${conversationId}::uuid AND seq = s.match_seq LIMIT 1) AS e ON true
    ORDER BY s.match_seq DESC NULLS LAST`.execute(db);
  const end = Number(rows.find(({ stopped_at: at }) => at !== null)?.stopped_at ?? 0);
  const found = rows.filter(({ stopped_at: at }) => at === null).map(eventOf);
  return { events: found, beforeSeq: end > Number(start.after_seq) + 1 ? end : undefined };
}
