import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { repeatsMax } from '../../src/core/services/session/refresh-tokens.ts';
import { callOf, type Outcome, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { seeded } from '../support/time/seeded.ts';
import { type ShiftedClock, shiftedClock } from '../support/time/shifted-clock.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const service = 'portico.v1.SessionService';
const [secondMs, minuteMs, hourMs, dayMs] = [1_000, 60_000, 3_600_000, 86_400_000];
let clock: ShiftedClock;
let server: FixtureServer;
let sql: Client;
before(async () => {
  clock = shiftedClock();
  server = await openFixtureServer({ clock });
  sql = new Client({ connectionString: server.databaseUrl });
  await sql.connect();
});
after(async () => {
  await sql?.end();
  await server?.close();
});

type Protocol = 'grpc h2' | 'json h1';
const refreshBy = (protocol: Protocol, refreshToken: string, at: { url: string; ca: string } = server) =>
  callOf(registry, transportOf(protocol, at), `${service}/Refresh`, { refreshToken });
const tokensOf = ({ messages: [message], reason }: Outcome) => {
  assert.equal(reason, undefined);
  return message as { readonly accessToken: string; readonly refreshToken: string };
};
/** As a client does it: a database that is too busy is asked again. */
const refreshed = async (refreshToken: string, protocol: Protocol = 'grpc h2') => {
  let outcome = await refreshBy(protocol, refreshToken);
  for (let again = 0; outcome.reason === 'STORAGE_DOWN' && again < 20; again++) outcome = await refreshBy(protocol, refreshToken);
  return tokensOf(outcome);
};
const used = async (accessToken: string, protocol: Protocol = 'grpc h2') =>
  (
    await callOf(
      registry,
      transportOf(protocol, server),
      'fixture.v1.ScreenService/WhoAmI',
      {},
      { headers: { authorization: `Bearer ${accessToken}` } },
    )
  ).reason ?? 'ok';
/** After more than five minutes the server has closed an idle connection of HTTP/1.1, and a real client has noticed. */
const later = async (ms: number) => {
  clock.shift(ms);
  await until('idle connections are closed', async () => ms < 6 * minuteMs || (await scraped(server, 'portico_connections', 'state="http1"')) === 0);
};
const rowOf = async (sessionId: string) => (await sql.query('SELECT * FROM sessions WHERE id = $1', [sessionId])).rows[0];

for (const protocol of ['grpc h2', 'json h1'] as const) {
  test(`${protocol}: a refresh gives a new access token and the next refresh token, of which only the hash is stored`, async () => {
    const { accessToken, refreshToken, sessionId } = await signIn(server, registry, 'alice');
    const next = await refreshed(refreshToken, protocol);
    assert.notEqual(next.refreshToken, refreshToken);
    assert.notEqual(next.accessToken, accessToken);
    assert.equal(await used(next.accessToken, protocol), 'ok');
    const row = await rowOf(sessionId);
    assert.equal(row.generation, 1);
    assert.ok(!JSON.stringify(row).includes(next.refreshToken) && !JSON.stringify(row).includes(next.refreshToken.split('.')[2] ?? ''));
  });

  test(`${protocol}: an answer that was lost is given again, the same, after a second, hours and days, also by a server that was started anew`, async () => {
    const { refreshToken } = await signIn(server, registry, 'alice');
    const lost = await refreshed(refreshToken, protocol);
    for (const laterMs of [secondMs, 5 * hourMs, 20 * dayMs, 29 * dayMs]) {
      await later(laterMs);
      const again = await refreshed(refreshToken, protocol);
      assert.equal(again.refreshToken, lost.refreshToken);
      assert.equal(await used(again.accessToken, protocol), 'ok');
    }
    await using restarted = await openFixtureServer({ clock, shared: { databaseUrl: server.databaseUrl, dataDir: server.dataDir } });
    assert.equal(tokensOf(await refreshBy(protocol, refreshToken, restarted)).refreshToken, lost.refreshToken);
    const next = tokensOf(await refreshBy(protocol, lost.refreshToken, restarted));
    assert.notEqual(next.refreshToken, lost.refreshToken);
    assert.equal(await used(next.accessToken, protocol), 'ok');
  });

  test(`${protocol}: a replay after use ends the session at once, with its access tokens, and is written down`, async () => {
    const { accessToken, refreshToken, sessionId } = await signIn(server, registry, 'alice');
    const first = await refreshed(refreshToken, protocol);
    const second = await refreshed(first.refreshToken, protocol);
    assert.equal(await used(accessToken, protocol), 'ok');
    clock.shift(30 * secondMs);
    assert.equal((await refreshBy(protocol, refreshToken)).reason, 'REFRESH_TOKEN_REUSED');
    for (const token of [accessToken, first.accessToken, second.accessToken]) assert.equal(await used(token, protocol), 'SESSION_REVOKED');
    for (const token of [refreshToken, first.refreshToken, second.refreshToken])
      assert.equal((await refreshBy(protocol, token)).reason, 'SESSION_REVOKED');
    assert.equal((await rowOf(sessionId)).revoked_because, 'refresh_token_reused');
  });

  test(`${protocol}: a grandparent is a theft at once`, async () => {
    const { refreshToken } = await signIn(server, registry, 'alice');
    let { refreshToken: newest } = await refreshed(refreshToken, protocol);
    for (let i = 0; i < 2; i++) ({ refreshToken: newest } = await refreshed(newest, protocol));
    assert.equal((await refreshBy(protocol, refreshToken)).reason, 'REFRESH_TOKEN_REUSED');
    assert.equal((await refreshBy(protocol, newest)).reason, 'SESSION_REVOKED');
  });
}

test('of refreshes at once all get the same successor, and the session goes on by one', async () => {
  const { refreshToken, sessionId } = await signIn(server, registry, 'alice');
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => refreshed(refreshToken, i % 2 === 0 ? 'grpc h2' : 'json h1')));
  assert.equal(new Set(all.map((one) => one.refreshToken)).size, 1);
  assert.equal((await rowOf(sessionId)).generation, 1);
  for (const { accessToken } of all.slice(0, 3)) assert.equal(await used(accessToken), 'ok');
});

test('for 30 s after its successor was first used a token gives that successor still: calls in flight', async () => {
  const { refreshToken } = await signIn(server, registry, 'alice');
  const first = await refreshed(refreshToken);
  const second = await refreshed(first.refreshToken);
  clock.shift(25 * secondMs);
  assert.equal((await refreshed(refreshToken)).refreshToken, first.refreshToken);
  assert.equal((await refreshed(first.refreshToken)).refreshToken, second.refreshToken);
});

for (const protocol of ['grpc h2', 'json h1'] as const) {
  for (const thief of ['first', 'second'] as const) {
    test(`${protocol}: a thief who refreshes in step with the client, ${thief} of the two, is found within a few refreshes`, async () => {
      const { accessToken, refreshToken, sessionId } = await signIn(server, registry, 'alice');
      let stolen = refreshToken;
      let own = refreshToken;
      let ended: string | undefined;
      let refreshes = 0;
      while (ended === undefined && refreshes++ < 2 * repeatsMax) {
        await later(9 * minuteMs);
        const [one, two] = thief === 'first' ? [stolen, own] : [own, stolen];
        const first = await refreshed(one, protocol);
        await later(3 * minuteMs);
        const { reason, messages } = await refreshBy(protocol, two);
        ended = reason;
        own = first.refreshToken;
        if (reason === undefined) stolen = (messages[0] as { refreshToken: string }).refreshToken;
      }
      assert.deepEqual([ended, refreshes], ['REFRESH_TOKEN_REUSED', repeatsMax]);
      assert.equal(await used(accessToken, protocol), 'TOKEN_EXPIRED');
      for (const token of [own, stolen]) assert.equal((await refreshBy(protocol, token)).reason, 'SESSION_REVOKED');
      assert.equal((await rowOf(sessionId)).revoked_because, 'refresh_token_reused');
    });
  }
}

test('a client on a network that loses answers, many of one refresh and of several refreshes in a row, stays signed in', async () => {
  const chance = seeded(9);
  const { sessionId, ...signedIn } = await signIn(server, registry, 'dora');
  let { refreshToken } = signedIn;
  let lost = 0;
  for (let refreshes = 0; refreshes < 150; refreshes++) {
    while (chance() < 0.3) {
      await refreshed(refreshToken); // the client does not get this answer
      clock.shift(chance() < 0.1 ? 5 * hourMs : 20 * secondMs); // it is suspended, or its call times out
      lost++;
    }
    ({ refreshToken } = await refreshed(refreshToken));
    clock.shift(9 * minuteMs);
  }
  assert.ok(lost > 30, `${lost} answers were lost`);
  const row = await rowOf(sessionId);
  assert.deepEqual([row.generation, row.revoked_at], [150, null]);
});

test('a client that loses the first twenty answers of one refresh stays signed in, and so does one whose calls overlap now and then', async () => {
  let { refreshToken } = await signIn(server, registry, 'dora');
  for (let cycle = 0; cycle < 2; cycle++) {
    for (let lost = 0; lost < 20; lost++) await refreshed(refreshToken);
    for (let refreshes = 1; refreshes < repeatsMax; refreshes++) {
      const both = await Promise.all([refreshed(refreshToken), refreshed(refreshToken)]);
      refreshToken = both[0].refreshToken;
    }
    ({ refreshToken } = await refreshed(refreshToken)); // one that comes once ends the row
  }
});

test('a client that leaves before the answer, which was committed, gets the same answer when it comes back', async () => {
  const { refreshToken, sessionId } = await signIn(server, registry, 'alice');
  await sql.query('BEGIN');
  await sql.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [sessionId]); // the refresh waits for this lock
  const left = new AbortController();
  const request = { refreshToken };
  const lost = callOf(registry, transportOf('json h1', server), `${service}/Refresh`, request, { signal: left.signal, foreign: true });
  for (let waiting = 0; waiting === 0; ) {
    const other = new Client({ connectionString: server.databaseUrl });
    await other.connect();
    const { rows } = await other.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
    );
    await other.end();
    waiting = rows[0].n;
  }
  left.abort();
  assert.notEqual((await lost).code, 0);
  await sql.query('COMMIT');
  for (let generation = 0; generation === 0; ) ({ generation } = await rowOf(sessionId)); // done, and told to nobody
  const again = await refreshed(refreshToken);
  assert.equal((await refreshed(refreshToken)).refreshToken, again.refreshToken);
  assert.equal((await rowOf(sessionId)).generation, 1);
});

test('a session that is not used for 30 days is over, however it is asked', async () => {
  const { refreshToken, sessionId } = await signIn(server, registry, 'dora');
  const other = await signIn(server, registry, 'dora');
  clock.shift(29 * dayMs);
  const alive = await refreshed(other.refreshToken);
  clock.shift(dayMs + secondMs);
  for (const protocol of ['grpc h2', 'json h1'] as const) assert.equal((await refreshBy(protocol, refreshToken)).reason, 'REFRESH_TOKEN_INVALID');
  const { accessToken } = await refreshed(alive.refreshToken);
  const listed = await callOf(
    registry,
    transportOf('grpc h2', server),
    `${service}/ListDevices`,
    {},
    { headers: { authorization: `Bearer ${accessToken}` } },
  );
  const ids = (listed.messages as { devices: { sessionId: string }[] }[]).flatMap(({ devices }) => devices).map((device) => device.sessionId);
  assert.deepEqual([ids.includes(sessionId), ids.includes(other.sessionId)], [false, true]);
});

test('a session is over after 180 days, however much it is used', async () => {
  let { refreshToken } = await signIn(server, registry, 'alice');
  for (let day = 0; day < 175; day += 25) {
    clock.shift(25 * dayMs);
    ({ refreshToken } = await refreshed(refreshToken));
  }
  clock.shift(5 * dayMs - minuteMs);
  ({ refreshToken } = await refreshed(refreshToken));
  clock.shift(minuteMs);
  for (const protocol of ['grpc h2', 'json h1'] as const) assert.equal((await refreshBy(protocol, refreshToken)).reason, 'REFRESH_TOKEN_INVALID');
});

test('what is no refresh token is refused with one reason', async () => {
  const { accessToken, refreshToken } = await signIn(server, registry, 'alice');
  const [id, , mac] = refreshToken.split('.');
  const wrong = [
    accessToken,
    `${id}.1.${mac}`,
    `${id}.0.${'A'.repeat(43)}`,
    `00000000-0000-4000-8000-000000000000.0.${mac}`,
    refreshToken.slice(0, -1),
    'hello',
  ];
  for (const protocol of ['grpc h2', 'json h1'] as const)
    for (const token of wrong) assert.equal((await refreshBy(protocol, token)).reason, 'REFRESH_TOKEN_INVALID', token);
});

test('an access token that has expired, in the header, keeps nobody from a refresh', async () => {
  const { headers, refreshToken } = await signIn(server, registry, 'alice');
  clock.shift(11 * minuteMs);
  for (const protocol of ['grpc h2', 'json h1'] as const) {
    assert.equal((await callOf(registry, transportOf(protocol, server), 'fixture.v1.ScreenService/WhoAmI', {}, { headers })).reason, 'TOKEN_EXPIRED');
    const { reason } = await callOf(registry, transportOf(protocol, server), `${service}/Refresh`, { refreshToken }, { headers });
    assert.equal(reason, undefined);
  }
});
