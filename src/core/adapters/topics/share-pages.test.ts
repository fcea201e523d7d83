import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { PageLimits, TopicPosition } from '../../ports/topic-log.ts';
import { memoryBus } from '../memory/bus.ts';
import { memoryTopicLog } from '../memory/topic-log.ts';
import { sharePages } from './share-pages.ts';

const limits = { size: 1_000, ageMs: 3_600_000 };

async function opened(page?: PageLimits) {
  const clock = fakeClock();
  let ids = 0;
  const log = memoryTopicLog({ clock, bus: memoryBus(quietLog), randomId: () => `id${ids++}` });
  let reads = 0;
  let isDown = false;
  const read = sharePages(
    {
      read: async (...asked) => {
        reads++;
        if (isDown) throw new StoreDown('timeout', 'It did not answer.');
        return log.read(...asked);
      },
    },
    clock,
    page,
  );
  const publish = (...texts: readonly string[]) =>
    log.publish(
      't',
      texts.map((text) => ({ payload: Buffer.from(text) })),
      limits,
    );
  const textsAfter = async (position: TopicPosition) => {
    const found = await read('t', position);
    return found.recovered ? found.events.map(({ payload }) => Buffer.from(payload).toString()) : found.why;
  };
  const setDown = (down: boolean) => {
    isDown = down;
  };
  return { clock, start: await log.top('t'), publish, read, textsAfter, reads: () => reads, setDown };
}

test('what a thousand clients missed is read once in a second, and anew after that', async () => {
  const { clock, start, publish, textsAfter, reads } = await opened();
  await publish('a', 'b');
  for (const found of await Promise.all(Array.from({ length: 1_000 }, () => textsAfter(start)))) assert.deepEqual(found, ['a', 'b']);
  await clock.advance(500);
  assert.deepEqual(await textsAfter(start), ['a', 'b']);
  assert.equal(reads(), 1);
  await publish('c');
  await clock.advance(500);
  assert.deepEqual(await textsAfter(start), ['a', 'b', 'c']);
  assert.equal(reads(), 2);
});

test('whoever reads on from the end of a page that is kept receives what came later', async () => {
  const { start, publish, read, textsAfter } = await opened();
  await publish('a');
  const first = await read('t', start);
  await publish('b');
  const again = await read('t', start);
  assert.equal(again, first);
  assert.ok(again.recovered);
  assert.deepEqual(await textsAfter(again.end), ['b']);
});

test('a page without events, one that is lost and a failure are not kept', async () => {
  const { start, publish, textsAfter, reads, setDown } = await opened();
  assert.deepEqual(await textsAfter(start), []);
  await publish('a');
  assert.deepEqual(await textsAfter(start), ['a']);
  const other = { ...start, epoch: 'another' };
  assert.deepEqual([await textsAfter(other), await textsAfter(other)], ['epoch', 'epoch']);
  assert.equal(reads(), 4);
  setDown(true);
  const ahead = { ...start, offset: 7, id: 'x' };
  await assert.rejects(textsAfter(ahead), StoreDown);
  setDown(false);
  assert.equal(await textsAfter(ahead), 'ahead');
});

test('no more than 200 pages are kept', async () => {
  const { start, publish, read, reads } = await opened({ eventsMax: 1, bytesMax: 65_536 });
  const texts = Array.from({ length: 50 }, (_, i) => String(i));
  for (let i = 0; i < 5; i++) await publish(...texts);
  let position = start;
  for (let i = 0; i < 220; i++) {
    const found = await read('t', position);
    assert.ok(found.recovered);
    position = found.end;
  }
  assert.equal(reads(), 220);
  await read('t', start);
  assert.equal(reads(), 221, 'the oldest is forgotten');
});
