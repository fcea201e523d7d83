import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeClock, fakeClock } from '../../../../test/support/time/clock.ts';
import { openTurns, perTurn } from '../../streams/event-loop-turns.ts';
import { type GroupParts, type Member, openWatchedAnswer } from './recompute-watched-answer.ts';

/** A group of one member. @param outcomes of its computations, in order; the last one repeats */
function open(...outcomes: readonly ('fails' | 'unstored' | 'stored')[]) {
  const clock = fakeClock();
  return openWith({ clock, turns: openTurns(clock.monotonicMs) }, outcomes);
}

function openWith({ clock, turns }: Pick<GroupParts, 'turns'> & { clock: FakeClock }, outcomes: readonly ('fails' | 'unstored' | 'stored')[]) {
  const counts = { computes: 0 };
  const parts = {
    ...{ key: 1, intervalMs: 0, recheckMs: 30_000, turns, clock, random: () => 0.5, counts },
    ...{ computations: (work: () => unknown) => work(), mayPass: () => true, onTags: () => {} },
  } as unknown as GroupParts;
  const group = openWatchedAnswer(parts);
  const compute = async () => {
    const outcome = outcomes[Math.min(counts.computes, outcomes.length) - 1];
    if (outcome === 'fails') throw new Error('The upstream is away.');
    const times = outcome === 'stored' ? { freshForMs: 60_000 } : {};
    return {
      body: new Uint8Array(),
      watched: { etag: '"1"', tags: ['t'], verified: true, sequence: counts.computes, isCurrent: () => true, ...times },
    };
  };
  group.members.add({ compute, onShot: () => {}, onRefused: () => {} } as unknown as Member);
  return { group, clock, counts };
}

for (const outcome of ['fails', 'unstored'] as const)
  test(`lost announcements do not make an answer that ${outcome} be computed before its time`, async () => {
    const { group, clock, counts } = open(outcome);
    group.invalidated();
    await clock.advance(0);
    for (let i = 0; i < 10; i++) {
      group.check();
      await clock.advance(1);
    }
    assert.equal(counts.computes, 1);
    await clock.advance(60_000);
    assert.ok(counts.computes > 3, 'it is tried on');
    assert.ok(counts.computes < 12, `${counts.computes} computations in a minute`);
    group.close();
  });

test('an answer that is invalidated while its computation fails is computed again, after the time of one that fails', async () => {
  const { group, clock, counts } = open('fails', 'stored');
  group.invalidated();
  group.invalidated();
  await clock.advance(0);
  assert.equal(counts.computes, 1);
  await clock.advance(1_000);
  assert.equal(counts.computes, 2);
  await clock.advance(20_000);
  assert.equal(counts.computes, 2, 'it is stored, and current');
  group.close();
});

test('an invalidation of an answer that cannot be stored is computed at once', async () => {
  const { group, clock, counts } = open('unstored');
  group.invalidated();
  await clock.advance(0);
  group.invalidated();
  await clock.advance(0);
  assert.equal(counts.computes, 2);
  group.close();
});

test('a turn begins only so many computations of answers that are invalidated at once, and all are computed', async () => {
  const clock = fakeClock();
  const turns = openTurns(clock.monotonicMs);
  const groups = Array.from({ length: 2 * perTurn }, () => openWith({ clock, turns }, ['stored']));
  const computes = () => groups.reduce((sum, { counts }) => sum + counts.computes, 0);
  for (const { group } of groups) group.invalidated();
  const advanced = clock.advance(0);
  for (let before = 0; before < groups.length; before = computes()) {
    await new Promise(setImmediate);
    assert.ok(computes() - before <= perTurn, `${computes() - before} in one turn`);
  }
  await advanced;
  for (const { group, counts } of groups) {
    assert.equal(counts.computes, 1);
    group.close();
  }
});
