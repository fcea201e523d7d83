import { sql } from 'kysely';
import type { ChatStore } from '../../../ports/chat.ts';
import type { UseDatabase } from '../database-access.ts';
import { clearReadPushes } from '../push/clear-read-pushes.ts';
import { openAppend, sentBefore, unknownConversation, unknownMessage } from './append-events.ts';
import { changeMembers } from './change-members.ts';
import { readDatabaseRun, readOwnChanges, readPlaces, readSince, readSyncPoint } from './changes-since.ts';
import { createConversation } from './create-conversation.ts';
import { historyPages } from './history-pages.ts';
import {
  readApart,
  readBlocked,
  readBlocksBetween,
  readExpired,
  readForeign,
  readHistory,
  readJoined,
  readList,
  readMembers,
  readMissing,
  readTops,
} from './read-conversations.ts';
import { searchMessages } from './search-messages.ts';

/**
 * Conversations in PostgreSQL, or in PGlite, which is PostgreSQL.
 * @param pushAfterMs after which a message is due to be pushed; undefined: pushes are off
 */
export function sqlChat(use: UseDatabase, { pushAfterMs }: { readonly pushAfterMs?: number | undefined } = {}): ChatStore {
  const joinedOne = async (userId: string, conversationId: string, hiddenAfter?: number) => {
    const [membership] = await use((db) => readJoined(db, userId, { ids: [conversationId], ...(hiddenAfter !== undefined && { hiddenAfter }) }));
    if (membership === undefined) throw unknownConversation();
    return membership;
  };
  const history: ChatStore['history'] = (userId, conversationId, page) => use((db) => readHistory(db, userId, conversationId, page));
  return {
    create: (wish) => createConversation(use, wish),
    append: openAppend(use, pushAfterMs),
    sentBefore: (conversationId, entry) => use((db) => sentBefore(db, conversationId, entry)),
    changeMembers: (conversationId, by, wish) => changeMembers(use, conversationId, by, wish),
    list: (userId, page) => use((db) => readList(db, userId, page)),
    joined: (userId, wish) => use((db) => readJoined(db, userId, wish)),
    places: (userId) => use((db) => readPlaces(db, userId)),
    ownChanges: (userId, wish) => use((db) => readOwnChanges(db, userId, wish)),
    foreign: (positions) => use((db) => readForeign(db, positions)),
    syncPoint: (userId) => use((db) => readSyncPoint(db, userId)),
    since: (userId, point, wish) => use((db) => readSince(db, userId, point, wish)),
    blocksBetween: (userIds, blockedIds) => use((db) => readBlocksBetween(db, userIds, blockedIds)),
    databaseRun: () => use(readDatabaseRun),
    expiredSeq: (conversationId) => use((db) => readExpired(db, conversationId)),
    blocked: (userId) => use((db) => readBlocked(db, userId)),
    apartFrom: (userId, conversationId) => use((db) => readApart(db, userId, conversationId)),
    history,
    historyPage: historyPages(history),
    search: (...wish) => use((db) => searchMessages(db, ...wish)),
    missing: (userId, from, page) => use((db) => readMissing(db, userId, from, page)),
    members: (userId, conversationId, page) => use((db) => readMembers(db, userId, conversationId, page)),
    tops: (ids, userIds) => use((db) => readTops(db, ids, userIds)),
    receive: async ({ conversationId, userId, device, deliveredSeq, readSeq }) => {
      const [changed, kept] = await use(async (db) => {
        const { rows } = await sql<{ changed: 'read' | 'delivered' | 'nothing' | null }>`
          SELECT changed, CASE WHEN changed = 'read' THEN ${clearReadPushes(sql`${conversationId}::uuid`, sql`${userId}`, sql`${device ?? null}`)} END
          FROM chat_receive(${conversationId}::uuid, ${userId}, ${device ?? null}, ${deliveredSeq}, ${readSeq}) AS changed`.execute(db);
        if (rows[0]?.changed == null) throw unknownConversation();
        const { rows: found } = await sql<{ delivered_seq: bigint; read_seq: bigint }>`
          SELECT delivered_seq, read_seq FROM chat_members WHERE conversation_id = ${conversationId} AND user_id = ${userId}`.execute(db);
        return [rows[0].changed, found[0]] as const;
      });
      const receipt = { conversationId, userId, deliveredSeq: Number(kept?.delivered_seq), readSeq: Number(kept?.read_seq) };
      return { receipt, changed, membership: await joinedOne(userId, conversationId) };
    },
    change: async (userId, conversationId, change) => {
      const own = await use((db) =>
        db.transaction().execute(async (tx) => {
          const { rows: mine } = await sql<{ after_seq: bigint }>`SELECT after_seq FROM chat_members
            WHERE conversation_id = ${conversationId} AND user_id = ${userId} AND left_seq IS NULL FOR NO KEY UPDATE`.execute(tx);
          if (mine[0] === undefined) throw unknownConversation();
          const { rows: raised } = await sql<{ own: bigint }>`
            UPDATE chat_users SET last_own_seq = last_own_seq + 1 WHERE user_id = ${userId} RETURNING last_own_seq AS own`.execute(tx);
          const own = raised[0]?.own ?? 0n;
          if ('hiddenSeq' in change) {
            const { numAffectedRows } = await sql`INSERT INTO chat_hidden (user_id, conversation_id, seq, own_seq)
              SELECT ${userId}, conversation_id, seq, ${own}::bigint FROM chat_events
              WHERE conversation_id = ${conversationId} AND seq = ${change.hiddenSeq} AND seq > ${mine[0].after_seq}::bigint AND number IS NOT NULL
              ON CONFLICT (user_id, conversation_id, seq) DO UPDATE SET own_seq = EXCLUDED.own_seq, xid = EXCLUDED.xid`.execute(tx);
            if (numAffectedRows === 0n) throw unknownMessage();
          }
          const mute =
            'hiddenSeq' in change ? sql`` : sql`, muted_until = ${change.mutedUntilMs === undefined ? null : new Date(change.mutedUntilMs)}`;
          await sql`UPDATE chat_members SET own_seq = ${own}::bigint ${mute}
            WHERE conversation_id = ${conversationId} AND user_id = ${userId}`.execute(tx);
          return Number(own);
        }),
      );
      return joinedOne(userId, conversationId, own - 1);
    },
  };
}
