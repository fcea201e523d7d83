import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { RefreshDecision, Session, Sessions } from '../../src/core/ports/sessions.ts';
import { newSession } from '../support/token/new-session.ts';

/** An adapter under test. */
export type SessionsHarness = AsyncDisposable & { readonly sessions: Sessions };

const nowMs = 1_790_000_000_000;
const all = { seenMs: 0, signedInMs: 0, most: 10, following: undefined };

function sessionOf(userId: string, more: Partial<Session> = {}): Session {
  const device = { platform: 'ios', name: "Ann's phone", installationId: 'i-1' };
  return newSession(userId, nowMs, { device, scopes: ['home.read', 'orders.read'], claims: { tenant: 'north' }, ...more });
}

/** What every adapter of sessions promises. */
/** Decides so whatever the session is. */
const decided = (decision: RefreshDecision) => () => ({ decision, result: undefined });

export function sessionsContract(adapter: string, open: () => Promise<SessionsHarness>) {
  const contract = (name: string, body: (on: SessionsHarness, userId: string) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on, `user-${randomUUID()}`);
    });
  const read = async (sessions: Sessions, id: string) =>
    sessions.refresh(id, nowMs, (session) => ({ decision: { kind: 'refuse' }, result: session }));

  contract('a session comes back as it was created', async ({ sessions }, userId) => {
    const session = sessionOf(userId);
    await sessions.create(session);
    assert.deepEqual(await read(sessions, session.id), session);
    assert.equal(await read(sessions, randomUUID()), undefined);
  });

  contract(
    'advance moves generation, hash and times; keep moves the time it was last seen and the count of repeats; refuse moves nothing',
    async ({ sessions }, userId) => {
      const session = sessionOf(userId);
      await sessions.create(session);
      const refreshHash = Buffer.alloc(32, 2);
      await sessions.refresh(session.id, nowMs + 1_000, decided({ kind: 'advance', generation: 1, refreshHash }));
      const advanced = { ...session, generation: 1, refreshHash, advancedAtMs: nowMs + 1_000, lastSeenAtMs: nowMs + 1_000 };
      assert.deepEqual(await read(sessions, session.id), advanced);
      await sessions.refresh(session.id, nowMs + 2_000, decided({ kind: 'keep', repeats: { generation: 1, inARow: 1 } }));
      assert.deepEqual(await read(sessions, session.id), {
        ...advanced,
        lastSeenAtMs: nowMs + 2_000,
        repeats: { generation: 1, inARow: 1 },
      });
    },
  );

  contract('of many refreshes at once each sees what those before it did', async ({ sessions }, userId) => {
    const session = sessionOf(userId);
    await sessions.create(session);
    const advance = (session: Session) => {
      const { generation } = session;
      return { decision: { kind: 'advance', generation: generation + 1, refreshHash: Buffer.alloc(32, generation) }, result: session } as const;
    };
    const seen = await Promise.all(Array.from({ length: 8 }, () => sessions.refresh(session.id, nowMs, advance)));
    assert.deepEqual(seen.map((before) => before?.generation).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.equal((await read(sessions, session.id))?.generation, 8);
  });

  contract('a session is ended once, by its own user, and stays ended', async ({ sessions }, userId) => {
    const session = sessionOf(userId);
    await sessions.create(session);
    assert.equal(await sessions.revoke(session.id, 'mallory', 'signed_out', nowMs), false);
    assert.equal(await sessions.revoke(session.id, userId, 'signed_out', nowMs + 5), true);
    assert.equal(await sessions.revoke(session.id, userId, 'signed_out', nowMs + 6), false);
    assert.equal((await read(sessions, session.id))?.revokedAtMs, nowMs + 5);
    assert.deepEqual(await sessions.ofUser(userId, all), []);
  });

  contract('a decision to revoke ends the session', async ({ sessions }, userId) => {
    const session = sessionOf(userId);
    await sessions.create(session);
    await sessions.refresh(session.id, nowMs + 7, decided({ kind: 'revoke', because: 'refresh_token_reused' }));
    assert.equal((await read(sessions, session.id))?.revokedAtMs, nowMs + 7);
  });

  contract('devices are listed with the newest sign-in first, no more than asked for', async ({ sessions }, userId) => {
    const [old, middle, young] = [0, 1, 2].map((n) => sessionOf(userId, { signedInAtMs: nowMs + n }));
    for (const session of [middle, young, old]) await sessions.create(session as Session);
    await sessions.create(sessionOf(`${userId}-other`));
    assert.deepEqual(
      (await sessions.ofUser(userId, { ...all, most: 2 })).map(({ id }) => id),
      [young?.id, middle?.id],
    );
  });

  contract('a list continues after any session of it, also among sign-ins of the same moment', async ({ sessions }, userId) => {
    const created = Array.from({ length: 7 }, (_, n) => sessionOf(userId, { signedInAtMs: nowMs + Math.floor(n / 3) }));
    for (const session of created) await sessions.create(session);
    await sessions.create(sessionOf(`${userId}-other`));
    const whole = (await sessions.ofUser(userId, all)).map(({ id }) => id);
    assert.equal(whole.length, 7);
    const paged: string[] = [];
    for (let following: Session | undefined; ; ) {
      const page: readonly Session[] = await sessions.ofUser(userId, { ...all, most: 2, following });
      following = page.at(-1);
      if (following === undefined) break;
      paged.push(...page.map(({ id }) => id));
    }
    assert.deepEqual(paged, whole);
  });

  contract('sessions that died of age take no place in the list', async ({ sessions }, userId) => {
    const old = sessionOf(userId, { signedInAtMs: nowMs - 100, lastSeenAtMs: nowMs });
    const idle = sessionOf(userId, { signedInAtMs: nowMs + 2, lastSeenAtMs: nowMs - 50 });
    const alive = sessionOf(userId, { signedInAtMs: nowMs - 99, lastSeenAtMs: nowMs - 49 });
    for (const session of [old, idle, alive]) await sessions.create(session);
    const found = await sessions.ofUser(userId, { ...all, most: 1, seenMs: nowMs - 50, signedInMs: nowMs - 100 });
    assert.deepEqual(
      found.map(({ id }) => id),
      [alive.id],
    );
  });

  contract('all sessions of a user end, and are told with those that ended since', async ({ sessions }, userId) => {
    const all = [sessionOf(userId), sessionOf(userId), sessionOf(userId)];
    for (const session of all) await sessions.create(session);
    await sessions.revoke(all[0]?.id ?? '', userId, 'device_revoked', nowMs + 100);
    const ended = await sessions.revokeAll(userId, 'signed_out_everywhere', nowMs + 200);
    assert.deepEqual([...ended].sort(), [all[1]?.id, all[2]?.id].sort());
    const since = new Set(await sessions.revokedSince(nowMs + 200));
    assert.deepEqual(
      all.map(({ id }) => since.has(id)),
      [false, true, true],
    );
  });

  contract('a nonce is used once, and forgotten after its time', async ({ sessions }) => {
    const nonce = Buffer.from(randomUUID());
    assert.equal(await sessions.useNonce(nonce, nowMs, nowMs + 1_000), true);
    assert.equal(await sessions.useNonce(nonce, nowMs + 500, nowMs + 2_000), false);
    assert.equal(await sessions.useNonce(nonce, nowMs + 1_001, nowMs + 3_000), true);
  });

  contract('of two uses of a nonce at once one is the first', async ({ sessions }) => {
    const nonce = Buffer.from(randomUUID());
    const used = await Promise.all(Array.from({ length: 6 }, () => sessions.useNonce(nonce, nowMs, nowMs + 1_000)));
    assert.equal(used.filter((first) => first).length, 1);
  });

  contract('what is long over is forgotten, in batches, and nothing else', async ({ sessions }, userId) => {
    const dayMs = 86_400_000;
    const oldMs = nowMs - 400 * dayMs; // older than what the other tests leave behind
    const old = await Promise.all(
      [{ revokedAt: true }, { lastSeenAtMs: oldMs - 1 }, { signedInAtMs: oldMs - 1 }].map(
        async ({ revokedAt, ...more }: { revokedAt?: boolean } & Partial<Session>) => {
          const session = sessionOf(userId, more);
          await sessions.create(session);
          if (revokedAt) await sessions.revoke(session.id, userId, 'signed_out', oldMs - 1);
          return session.id;
        },
      ),
    );
    const living = sessionOf(userId, { lastSeenAtMs: oldMs, signedInAtMs: oldMs });
    await sessions.create(living);
    const before = { endedMs: oldMs, seenMs: oldMs, signedInMs: oldMs, expiredMs: oldMs };
    const left = async () => (await Promise.all([...old, living.id].map((id) => read(sessions, id)))).filter((session) => session !== undefined);
    assert.deepEqual([await sessions.forget(before, 2), (await left()).length], [2, 2]);
    assert.deepEqual([await sessions.forget(before, 2), (await left()).map(({ id }) => id)], [1, [living.id]]);
    assert.equal(await sessions.forget(before, 2), 0);

    const nonce = Buffer.from(randomUUID());
    await sessions.useNonce(nonce, oldMs - 2_000, oldMs - 1_000);
    assert.equal(await sessions.forget(before, 10), 1);
    assert.equal(await sessions.forget(before, 10), 0);
  });
}
