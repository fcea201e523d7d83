import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../test/support/time/clock.ts';
import { type Draining, drain } from './drain.ts';

const perTurnMost = 16;

test('a turn sends a GOAWAY to only so many connections, and each gets one in both steps', async () => {
  const clock = fakeClock();
  let sent = 0;
  const sessions = Array.from({ length: 3 * perTurnMost }, () => {
    const send = () => void sent++;
    return { closed: false, destroyed: false, goaway: send, close: send, destroy: () => {} };
  });
  const draining = {
    ...{ listener: { close: () => {} }, sockets: new Set(), connections: [], sessions: { all: () => sessions } },
    ...{ http1: { leave: () => {}, server: { closeIdleConnections: () => {} } }, graceMs: 1, clock },
  } as unknown as Draining;
  const drained = drain(draining);
  assert.ok(sent <= perTurnMost, `${sent} at once`);
  let isOver = false;
  void drained.then(() => {
    isOver = true;
  });
  for (let before = sent; !isOver; before = sent) {
    void clock.advance(1);
    await new Promise(setImmediate);
    assert.ok(sent - before <= perTurnMost, `${sent - before} in one turn`);
  }
  assert.equal(sent, 2 * sessions.length);
});
