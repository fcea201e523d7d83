import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Session } from '../../ports/sessions.ts';
import { judgeRefresh, refreshTokens } from './refresh-tokens.ts';

const [secondMs, hourMs, dayMs] = [1_000, 3_600_000, 86_400_000];
const tokens = refreshTokens('a secret of the tests, long enough to be one');
const sessionId = '00000000-0000-4000-8000-000000000001';
const signedInAtMs = 1_700_000_000_000;
const hashOf = (generation: number) => tokens.hashOf(tokens.derive({ sessionId, generation }));

/** A session whose newest token is of generation 5, made (which is when 4 was first used) an hour after the sign-in. */
const session: Session = {
  id: sessionId,
  userId: 'alice',
  device: { platform: 'ios', name: 'x', installationId: '' },
  scopes: [],
  claims: {},
  signedInAtMs,
  lastSeenAtMs: signedInAtMs + hourMs,
  generation: 5,
  refreshHash: hashOf(5),
  advancedAtMs: signedInAtMs + hourMs,
  repeats: { generation: 0, inARow: 0 },
  revokedAtMs: undefined,
};

type Case = readonly [name: string, presented: number, afterMs: number, outcome: string, changes?: Partial<Session>];
const table: readonly Case[] = [
  ['the newest gives its successor', 5, secondMs, 'advance 6'],
  ['the newest, days later', 5, 29 * dayMs, 'advance 6'],
  ['its answer was lost: 1 s later the same successor', 4, secondMs, 'keep 5'],
  ['its answer was lost: hours later', 4, 9 * hourMs, 'keep 5'],
  ['its answer was lost: days later', 4, 29 * dayMs, 'keep 5'],
  ['a call in flight: the one before, right after its successor was used', 3, 0, 'keep 4'],
  ['a call in flight: the last moment of 30 s', 3, 30 * secondMs - 1, 'keep 4'],
  ['30 s after its successor was used: a theft', 3, 30 * secondMs, 'revoke reused'],
  ['the one before, days later', 3, 20 * dayMs, 'revoke reused'],
  ['a grandparent, at once', 2, 0, 'revoke reused'],
  ['the very first, at once', 0, 0, 'revoke reused'],
  ['a token of every refresh was lost, nine times in a row', 4, secondMs, 'keep 5', { repeats: { generation: 4, inARow: 8 } }],
  ['the tenth token in a row comes twice: two clients refresh in turn', 4, secondMs, 'revoke shared', { repeats: { generation: 4, inARow: 9 } }],
  ['the ninth token in a row, lost again and again', 4, secondMs, 'keep 5', { repeats: { generation: 5, inARow: 9 } }],
  ['one refresh in between came once', 4, secondMs, 'keep 5', { repeats: { generation: 3, inARow: 9 } }],
  ['calls in flight count, too', 3, secondMs, 'revoke shared', { repeats: { generation: 3, inARow: 9 } }],
  ['one that was never given out', 6, secondMs, 'refuse unknown'],
  ['the newest with another hash than was stored', 5, secondMs, 'refuse unknown', { refreshHash: Buffer.alloc(32) }],
  ['the last moment of 30 idle days', 5, 30 * dayMs - 1, 'advance 6'],
  ['30 idle days', 5, 30 * dayMs, 'refuse expired'],
  ['30 idle days, the answer lost', 4, 30 * dayMs, 'refuse expired'],
  ['the last moment of 180 days', 5, 179 * dayMs + 23 * hourMs - 1, 'advance 6', { lastSeenAtMs: signedInAtMs + 179 * dayMs }],
  ['180 days, however much it was used', 5, 179 * dayMs + 23 * hourMs, 'refuse expired', { lastSeenAtMs: signedInAtMs + 179 * dayMs }],
  ['an ended session', 5, secondMs, 'refuse revoked', { revokedAtMs: signedInAtMs }],
  ['an ended session, by a stolen token', 1, secondMs, 'refuse revoked', { revokedAtMs: signedInAtMs }],
];
for (const [name, presented, afterMs, outcome, changes] of table) {
  test(`refresh: ${name}: ${outcome}`, () => {
    const found = { ...session, ...changes };
    const hashMatches = presented !== 5 || changes?.refreshHash === undefined;
    const { decision, refreshed } = judgeRefresh(presented, hashMatches, found, {
      nowMs: session.advancedAtMs + afterMs,
      idleMs: 30 * dayMs,
      absoluteMs: 180 * dayMs,
      inFlightMs: 30_000,
      nextHash: hashOf,
    });
    assert.equal(`${decision.kind} ${'generation' in refreshed ? refreshed.generation : refreshed.refused}`, outcome);
    if (decision.kind === 'advance') assert.deepEqual(decision.refreshHash, hashOf(decision.generation));
  });
}

test('a first token of a new session gives its successor', () => {
  const young = { ...session, generation: 0, refreshHash: hashOf(0) };
  const when = { nowMs: session.advancedAtMs, idleMs: 30 * dayMs, absoluteMs: 180 * dayMs, inFlightMs: 30_000, nextHash: hashOf };
  assert.deepEqual(judgeRefresh(0, true, young, when).refreshed, { generation: 1 });
});

test('a refresh token is read in its own spelling only', () => {
  const good = tokens.derive({ sessionId, generation: 7 });
  assert.deepEqual(tokens.read(good), { sessionId, generation: 7 });
  const [id = '', generation = '', mac = ''] = good.split('.');
  const others = [
    `${id}.07.${mac}`,
    `${id}.8.${mac}`,
    `${id}.-7.${mac}`,
    `${id.toUpperCase().replace('0', 'A')}.${generation}.${mac}`,
    `${id}.${generation}.${mac.slice(0, -1)}${mac.endsWith('A') ? 'B' : 'A'}`,
    `${id}.${generation}.${mac}=`,
    `${id}.${generation}.${mac}.`,
    ` ${good}`,
    `${good}\n`,
    `${id}.${generation}`,
    '',
    'x'.repeat(1_024),
  ];
  for (const other of others) assert.equal(tokens.read(other), undefined, other);
  assert.equal(refreshTokens('another secret, also long enough for this').read(good), undefined);
});

test('each spelling of the last character is another text, and only one is the token', () => {
  const good = tokens.derive({ sessionId, generation: 7 });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const read = [...alphabet].filter((character) => tokens.read(good.slice(0, -1) + character) !== undefined);
  assert.deepEqual(read, [good.at(-1)]);
});
