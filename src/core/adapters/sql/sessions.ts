import { type Kysely, type Selectable, sql } from 'kysely';
import type { Session, Sessions } from '../../ports/sessions.ts';
import type { Database, SessionsTable } from './database.ts';
import { storageFault } from './storage-fault.ts';

/** Of the advisory lock under which one replica at a time forgets: any number that nobody else uses. */
const forgetLock = 7_306_371_302;

/** Sessions in PostgreSQL, and in PGlite, which is PostgreSQL. */
export function sqlSessions(db: Kysely<Database>): Sessions {
  const sessions: Sessions = {
    create: async (session) => {
      await db.insertInto('sessions').values(rowOf(session)).execute();
    },
    refresh: (id, nowMs, decide) =>
      db.transaction().execute(async (tx) => {
        const row = await tx.selectFrom('sessions').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
        if (row === undefined) return undefined;
        const session = sessionOf(row);
        const decision = decide(session);
        if (decision.kind === 'refuse') return session;
        const update = tx.updateTable('sessions').where('id', '=', id);
        if (decision.kind === 'keep') await update.set({ last_seen_at: new Date(nowMs) }).execute();
        else if (decision.kind === 'advance') {
          const { generation, refreshHash } = decision;
          await update
            .set({ generation, refresh_hash: Buffer.from(refreshHash), advanced_at: new Date(nowMs), last_seen_at: new Date(nowMs) })
            .execute();
        } else
          await update
            .set({ revoked_at: new Date(nowMs), revoked_because: decision.because })
            .where('revoked_at', 'is', null)
            .execute();
        return session;
      }),
    ofUser: async (userId, most, { seenMs, signedInMs }) => {
      const rows = await db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .where('last_seen_at', '>', new Date(seenMs))
        .where('signed_in_at', '>', new Date(signedInMs))
        .orderBy('signed_in_at', 'desc')
        .limit(most)
        .execute();
      return rows.map(sessionOf);
    },
    revoke: async (id, userId, because, nowMs) => {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set({ revoked_at: new Date(nowMs), revoked_because: because })
        .where('id', '=', id)
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    revokeAll: async (userId, because, nowMs) => {
      const rows = await db
        .updateTable('sessions')
        .set({ revoked_at: new Date(nowMs), revoked_because: because })
        .where('user_id', '=', userId)
        .where('revoked_at', 'is', null)
        .returning('id')
        .execute();
      return rows.map(({ id }) => id);
    },
    revokedSince: async (sinceMs) => {
      const rows = await db.selectFrom('sessions').select('id').where('revoked_at', '>=', new Date(sinceMs)).execute();
      return rows.map(({ id }) => id);
    },
    useNonce: async (hash, nowMs, expiresAtMs) => {
      const { numInsertedOrUpdatedRows = 0n } = await db
        .insertInto('used_nonces')
        .values({ nonce_hash: Buffer.from(hash), expires_at: new Date(expiresAtMs) })
        .onConflict((conflict) =>
          conflict
            .column('nonce_hash')
            .doUpdateSet({ expires_at: new Date(expiresAtMs) })
            .where('used_nonces.expires_at', '<', new Date(nowMs)),
        )
        .executeTakeFirst();
      return numInsertedOrUpdatedRows > 0n;
    },
    forget: ({ endedMs, seenMs, signedInMs, expiredMs }, most) =>
      db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ mine: boolean }>`SELECT pg_try_advisory_xact_lock(${sql.lit(String(forgetLock))}::bigint) AS mine`.execute(tx);
        if (rows[0]?.mine !== true) return 0;
        const dead = tx
          .selectFrom('sessions')
          .select('id')
          .where((where) =>
            where.or([
              where('revoked_at', '<', new Date(endedMs)),
              where('last_seen_at', '<', new Date(seenMs)),
              where('signed_in_at', '<', new Date(signedInMs)),
            ]),
          )
          .limit(most)
          .forUpdate()
          .skipLocked();
        const sessionsGone = await tx.deleteFrom('sessions').where('id', 'in', dead).executeTakeFirst();
        const expired = tx
          .selectFrom('used_nonces')
          .select('nonce_hash')
          .where('expires_at', '<', new Date(expiredMs))
          .limit(most)
          .forUpdate()
          .skipLocked();
        const noncesGone = await tx.deleteFrom('used_nonces').where('nonce_hash', 'in', expired).executeTakeFirst();
        return Math.max(Number(sessionsGone.numDeletedRows), Number(noncesGone.numDeletedRows));
      }),
  };
  return {
    create: (...args) => sessions.create(...args).catch(storageFault),
    refresh: (...args) => sessions.refresh(...args).catch(storageFault),
    ofUser: (...args) => sessions.ofUser(...args).catch(storageFault),
    revoke: (...args) => sessions.revoke(...args).catch(storageFault),
    revokeAll: (...args) => sessions.revokeAll(...args).catch(storageFault),
    revokedSince: (...args) => sessions.revokedSince(...args).catch(storageFault),
    useNonce: (...args) => sessions.useNonce(...args).catch(storageFault),
    forget: (...args) => sessions.forget(...args).catch(storageFault),
  };
}

function sessionOf(row: Selectable<SessionsTable>): Session {
  return {
    id: row.id,
    userId: row.user_id,
    device: { platform: row.device_platform, name: row.device_name, installationId: row.installation_id },
    scopes: row.scopes,
    claims: row.claims,
    signedInAtMs: row.signed_in_at.getTime(),
    lastSeenAtMs: row.last_seen_at.getTime(),
    generation: row.generation,
    refreshHash: row.refresh_hash,
    advancedAtMs: row.advanced_at.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
  };
}

function rowOf(session: Session): SessionsTable {
  return {
    id: session.id,
    user_id: session.userId,
    device_platform: session.device.platform,
    device_name: session.device.name,
    installation_id: session.device.installationId,
    scopes: [...session.scopes],
    claims: { ...session.claims },
    signed_in_at: new Date(session.signedInAtMs),
    last_seen_at: new Date(session.lastSeenAtMs),
    generation: session.generation,
    refresh_hash: Buffer.from(session.refreshHash),
    advanced_at: new Date(session.advancedAtMs),
    revoked_at: null,
    revoked_because: null,
  };
}
