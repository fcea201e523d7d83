import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NewEvent, standingOf, type TopicEvent, type TopicLog, type TopicPage, type TopicPosition } from '../../src/core/ports/topic-log.ts';
import { payloadBytesMax, publishEventsMax, replacedMax } from '../../src/core/ports/topic-log-limits.ts';
import type { LossyBus } from '../support/lossy-bus.ts';
import { until } from '../support/time/until.ts';

/** Two replicas' ends of one log. */
export type TopicLogHarness = AsyncDisposable & {
  readonly a: TopicLog;
  readonly b: TopicLog;
  readonly faults: LogFaults;
  /** On the way to b. */
  readonly announcements: Pick<LossyBus, 'lose' | 'lost'>;
  /** Moves a fake clock, or really waits. */
  elapse(ms: number): Promise<void>;
};

export type LogFaults = {
  /** The events of a topic are evicted, its epoch is not. */
  evictEvents(topic: string): Promise<void>;
  /** Its epoch is evicted; its events may still be there. */
  evictEpoch(topic: string): Promise<void>;
  /** @returns puts the topic back as it is now: a fail-over to a replica that lacks what came after */
  save(topic: string): Promise<() => Promise<void>>;
};

export const whole = { size: 1_000, ageMs: 3_600_000 };
export const pageMax = { eventsMax: 1_000, bytesMax: 10_000_000 };
export const payload = (text: string) => Buffer.from(text);
export const textOf = ({ payload }: TopicEvent) => Buffer.from(payload).toString();

/** Publishes one event. */
export async function publishOne(log: TopicLog, topic: string, event: NewEvent, limits = whole): Promise<TopicPosition> {
  const [published] = await log.publish(topic, [event], limits);
  assert.ok(published);
  return published.position;
}

/** Publishes "1" to "n", one by one; gives the positions by offset, that of the beginning first. */
export async function fill(log: TopicLog, topic: string, n: number, limits = whole): Promise<TopicPosition[]> {
  const positions = [await log.top(topic)];
  for (let i = 1; i <= n; i++) positions.push(await publishOne(log, topic, { payload: payload(`${i}`) }, limits));
  return positions;
}

/** What a page says, shortly. */
export const verdict = (page: TopicPage) => (page.recovered ? page.events.map(textOf).join(' ') : page.why);

/** Keeps what is delivered. */
export function follower() {
  const events: TopicEvent[] = [];
  const previousIds: (string | undefined)[] = [];
  let gaps = 0;
  const onEvent = (event: TopicEvent, previousId: string | undefined) => {
    events.push(event);
    previousIds.push(previousId);
  };
  return { events, previousIds, gaps: () => gaps, onEvent, onGap: () => void gaps++ };
}

/** What every adapter of the topic log promises. The table of positions is in topic-log-table.ts. */
export function topicLogContract(adapter: string, open: () => Promise<TopicLogHarness>) {
  const contract = (name: string, body: (on: TopicLogHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, { timeout: 60_000 }, async () => {
      await using on = await open();
      await body(on);
    });

  contract('events of one topic have one order, whoever publishes them, and are delivered in it', async ({ a, b }) => {
    const [here, there] = [follower(), follower()];
    await a.follow('t', here);
    await b.follow('t', there);
    const start = await a.top('t');
    const published = await Promise.all(
      Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? a : b).publish('t', [{ payload: payload(`${i}`) }], whole)),
    );
    await until('all are delivered', () => here.events.length === 60 && there.events.length === 60);
    const page = await b.read('t', start, pageMax);
    assert.ok(page.recovered);
    const plain = ({ payload, ...event }: TopicEvent) => ({ ...event, text: Buffer.from(payload).toString() });
    assert.deepEqual(here.events.map(plain), page.events.map(plain));
    assert.deepEqual(there.events.map(plain), page.events.map(plain));
    assert.deepEqual(
      page.events.map(({ position }) => position.offset),
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    for (const [i, [one]] of published.entries()) {
      const event: TopicEvent | undefined = page.events.find(({ position }) => position.offset === one?.position.offset);
      assert.deepEqual([event?.position, event && textOf(event)], [one?.position, `${i}`]);
    }
    assert.deepEqual([page.end, page.top, here.gaps()], [page.events.at(-1)?.position, page.events.at(-1)?.position, 0]);
    assert.equal(new Set(page.events.map(({ position }) => position.id)).size, 60, 'each event has an id of its own');
  });

  contract('the span that publishes reaches the followers with its events, and others are without', async ({ a, b }) => {
    const origins: unknown[] = [];
    await b.follow('t', { onEvent: (event, _previousId, origin) => origins.push([textOf(event), origin]), onGap: () => {} });
    const span = { traceId: 'a'.repeat(32), spanId: '0123456789abcdef' };
    const limits = { size: 10, ageMs: 60_000 };
    await a.publish('t', [{ payload: payload('1') }, { payload: payload('2'), key: 'k' }], limits, span);
    await a.publish('t', [{ payload: payload('3') }], limits);
    await until('all came', () => origins.length === 3);
    assert.deepEqual(origins, [
      ['1', span],
      ['2', span],
      ['3', undefined],
    ]);
  });

  contract('events of one publish follow each other directly, among those of others', async ({ a, b }) => {
    const start = await a.top('t');
    const batch = (name: string) => Array.from({ length: publishEventsMax }, (_, i) => ({ payload: payload(`${name}${i}`) }));
    await Promise.all([a.publish('t', batch('x'), whole), b.publish('t', batch('y'), whole), a.publish('t', batch('z'), whole)]);
    const page = await a.read('t', start, pageMax);
    assert.ok(page.recovered);
    const texts = page.events.map(textOf);
    for (const name of ['x', 'y', 'z']) {
      const from = texts.indexOf(`${name}0`);
      assert.deepEqual(
        texts.slice(from, from + publishEventsMax),
        batch(name).map((event) => event.payload.toString()),
      );
    }
  });

  contract('a repeated request id appends nothing and is answered with the first position', async ({ a, b }) => {
    const received = follower();
    await b.follow('t', received);
    const start = await a.top('t');
    const event = (text: string, requestId?: string) => ({ payload: payload(text), requestId });
    const [first] = await a.publish('t', [event('1', 'r1')], whole);
    const all = await Promise.all(Array.from({ length: 10 }, () => b.publish('t', [event('again', 'r1')], whole)));
    for (const [again] of all) assert.deepEqual(again, { position: first?.position, repeated: true });
    const mixed = await a.publish('t', [event('2', 'r2'), event('again', 'r1'), event('3')], whole);
    assert.deepEqual(
      mixed.map(({ position, repeated }) => [position.offset, repeated]),
      [
        [2, false],
        [1, true],
        [3, false],
      ],
    );
    assert.equal((await publishOne(a, 'other', event('of another topic', 'r1'))).offset, 1);
    assert.equal(verdict(await b.read('t', start, pageMax)), '1 2 3');
    await until('all are delivered', () => received.events.length >= 3);
    assert.deepEqual(received.events.map(textOf), ['1', '2', '3']);
    await assert.rejects(a.publish('t', [event('4', 'r'), event('5', 'r')], whole), RangeError);
  });

  contract('any bytes, keys and names of topics come back as they were', async ({ a, b }) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const topic of ['x', '{x}', 'a}b{c', 'é ☕', '__proto__', '*', 'x'.repeat(256), '\n\u0000']) {
      const received = follower();
      await b.follow(topic, received);
      const start = await a.top(topic);
      await a.publish(topic, [{ payload: bytes, key: 'é\n 1' }, { payload: bytes, key: '__proto__' }, { payload: new Uint8Array() }], whole);
      const page = await b.read(topic, start, pageMax);
      assert.ok(page.recovered);
      await until('all are delivered', () => received.events.length === 3);
      for (const events of [page.events, received.events])
        assert.deepEqual(
          events.map(({ key, payload }) => [key, Uint8Array.from(payload)]),
          [
            ['é\n 1', bytes],
            ['__proto__', bytes],
            ['', new Uint8Array()],
          ],
        );
    }
  });

  contract('what is beyond a bound is refused', async ({ a }) => {
    const none = { payload: new Uint8Array() };
    const position = { epoch: '', offset: 0, id: '' };
    await assert.rejects(a.top(''), RangeError);
    await assert.rejects(a.top('\ud800'), RangeError);
    await assert.rejects(a.follow('x'.repeat(257), follower()), RangeError);
    await assert.rejects(a.publish('t', [], whole), RangeError);
    await assert.rejects(
      a.publish(
        't',
        Array.from({ length: publishEventsMax + 1 }, () => none),
        whole,
      ),
      RangeError,
    );
    await assert.rejects(a.publish('t', [{ payload: new Uint8Array(payloadBytesMax + 1) }], whole), RangeError);
    await assert.rejects(a.publish('t', [{ ...none, key: '\udc00' }], whole), RangeError);
    await assert.rejects(a.publish('t', [{ ...none, requestId: '' }], whole), RangeError);
    for (const limits of [
      { size: -1, ageMs: 1 },
      { size: 1, ageMs: 0 },
      { size: 1.5, ageMs: 1 },
    ])
      await assert.rejects(a.publish('t', [none], limits), RangeError);
    for (const offset of [-1, 1.5, Number.NaN, 2 ** 60]) await assert.rejects(a.read('t', { ...position, offset }, pageMax), RangeError);
    await assert.rejects(a.read('t', { ...position, epoch: 'x'.repeat(10_000) }, pageMax), RangeError);
    await assert.rejects(a.read('t', position, { eventsMax: 0, bytesMax: 1 }), RangeError);
  });

  contract('a payload that the bus cannot carry is announced as a gap, and read', async ({ a, b }) => {
    const received = follower();
    await b.follow('t', received);
    const start = await b.top('t');
    const large = new Uint8Array(payloadBytesMax).fill(7);
    await a.publish('t', [{ payload: payload('1') }, { payload: large }, { payload: payload('3') }], whole);
    await until('all is announced', () => received.events.length + received.gaps() === 3);
    assert.deepEqual([received.events.map(textOf), received.gaps()], [['1', '3'], 1]);
    const page = await b.read('t', start, pageMax);
    assert.deepEqual(page.recovered && page.events.map(({ payload }) => payload.length), [1, large.length, 1]);
  });

  contract('pages are bounded by events and by bytes, and each ends at a position that counts', async ({ a, b }) => {
    const [start = assert.fail()] = await fill(a, 't', 25);
    const readAll = async (limits: { eventsMax: number; bytesMax: number }) => {
      const pages: string[] = [];
      for (let at = start; ; ) {
        const page = await b.read('t', at, limits);
        assert.ok(page.recovered);
        assert.equal(page.top.offset, 25);
        pages.push(page.events.map(textOf).join(' '));
        assert.deepEqual(page.end, page.events.at(-1)?.position);
        if (page.end.offset === page.top.offset) return pages;
        at = page.end;
      }
    };
    const texts = Array.from({ length: 25 }, (_, i) => `${i + 1}`);
    assert.deepEqual(
      await readAll({ eventsMax: 10, bytesMax: 1_000 }),
      [texts.slice(0, 10), texts.slice(10, 20), texts.slice(20)].map((page) => page.join(' ')),
    );
    assert.deepEqual(await readAll({ eventsMax: 1_000, bytesMax: 0 }), texts, 'the first event is in it whatever its size');
    assert.deepEqual(await readAll({ eventsMax: 1_000, bytesMax: 11 }), [
      '1 2 3 4 5 6 7 8 9 10',
      '11 12 13 14 15',
      '16 17 18 19 20',
      '21 22 23 24 25',
    ]);
  });

  contract('a topic keeps as many events as the last publish says', async ({ a, b }) => {
    const at = await fill(a, 't', 10, { ...whole, size: 4 });
    const read = async (offset: number) => verdict(await b.read('t', at[offset] ?? assert.fail(), pageMax));
    assert.deepEqual([await read(5), await read(6)], ['trimmed', '7 8 9 10']);
    await publishOne(a, 't', { payload: payload('11') }, { ...whole, size: 2 });
    assert.deepEqual([await read(8), await read(9)], ['trimmed', '10 11']);
    await publishOne(a, 't', { payload: payload('12') }, { ...whole, size: 4 });
    assert.deepEqual([await read(8), await read(9)], ['trimmed', '10 11 12']);
  });

  contract('no event is given beyond its age, not even when later ones are kept longer', async ({ a, b, elapse }) => {
    const at = await fill(a, 't', 3, { size: 10, ageMs: 100 });
    const read = async (offset: number) => verdict(await b.read('t', at[offset] ?? assert.fail(), pageMax));
    await elapse(200);
    assert.deepEqual([await read(0), await read(2), await read(3)], ['trimmed', 'trimmed', ''], 'only who has the last one has missed nothing');
    await publishOne(a, 't', { payload: payload('4') });
    assert.deepEqual([await read(2), await read(3)], ['trimmed', '4']);
  });

  contract('what is older than its age is not given, though something newer is kept', async ({ a, b, elapse }) => {
    const limits = { size: 100, ageMs: 1_000 };
    let tries = 0; // a busy machine may be slower than the age of the newer event
    await until('the newer one is read in time', async () => {
      const topic = `t${++tries}`;
      const at = await fill(a, topic, 1, limits);
      await elapse(600);
      await publishOne(a, topic, { payload: payload('2') }, limits);
      await elapse(410);
      const read = async (offset: number) => verdict(await b.read(topic, at[offset] ?? assert.fail(), pageMax));
      assert.equal(await read(0), 'trimmed');
      return (await read(1)) === '2';
    });
  });

  contract('a topic may keep nothing: only who is at its end has missed nothing', async ({ a, b }) => {
    const at = await fill(a, 't', 3, { ...whole, size: 0 });
    const read = async (offset: number) => verdict(await b.read('t', at[offset] ?? assert.fail(), pageMax));
    assert.deepEqual([await read(0), await read(2), await read(3)], ['trimmed', 'trimmed', '']);
    const last = at[3] ?? assert.fail();
    assert.equal(verdict(await b.read('t', { ...last, id: 'another' }, pageMax)), 'other-event');
  });

  contract('of a key only the newest event is kept, and counts; whoever saw an older one gets it', async ({ a, b }) => {
    const limits = { size: 3, ageMs: 3_600_000 };
    const start = await a.top('t');
    const at: TopicPosition[] = [start];
    for (const [key, text] of ['a1', 'b2', 'a3', 'a4', 'c5', 'b6'].map((word) => [word[0], word] as const))
      at.push(await publishOne(a, 't', { key, payload: payload(text) }, limits));
    const read = async (offset: number) => verdict(await b.read('t', at[offset] ?? assert.fail(), pageMax));
    assert.deepEqual(await Promise.all([0, 1, 2, 3, 4, 5, 6].map(read)), ['a4 c5 b6', 'a4 c5 b6', 'a4 c5 b6', 'a4 c5 b6', 'c5 b6', 'b6', '']);
    for (const offset of [1, 2, 3])
      assert.equal(verdict(await b.read('t', { ...(at[offset] ?? assert.fail()), id: 'another' }, pageMax)), 'other-event', `${offset} was replaced`);
    at.push(await publishOne(a, 't', { payload: payload('7') }, limits), await publishOne(a, 't', { key: 'a', payload: payload('a8') }, limits));
    assert.deepEqual(await Promise.all([3, 4, 5, 6].map(read)), ['trimmed', 'trimmed', 'b6 7 a8', '7 a8'], 'c5 was the oldest of four');
  });

  contract('keys of a log that was lost replace nothing in the next one', async ({ a, b, faults }) => {
    const keyed = (...keys: readonly string[]) =>
      a.publish(
        't',
        keys.map((key) => ({ key, payload: payload(key) })),
        whole,
      );
    await keyed('x', 'a');
    await faults.evictEpoch('t');
    const start = await b.top('t');
    await keyed('c', 'd', 'a');
    assert.equal(verdict(await b.read('t', start, pageMax)), 'c d a');
  });

  contract('a position whose event was replaced is known for some time', async ({ a, b }) => {
    const first = await publishOne(a, 't', { key: 'k', payload: payload('first') });
    const batches = Math.ceil(replacedMax / publishEventsMax);
    for (let i = 1; i <= batches; i++) {
      if (i === batches) assert.equal(verdict(await b.read('t', first, pageMax)), `${i - 1}`);
      await a.publish(
        't',
        Array.from({ length: publishEventsMax }, () => ({ key: 'k', payload: payload(`${i}`) })),
        whole,
      );
    }
    assert.equal(verdict(await b.read('t', first, pageMax)), 'trimmed');
  });

  contract('an announcement that is lost is found by the next one, or by the end of the log', async ({ a, b, announcements }) => {
    const received = follower();
    await b.follow('t', received);
    await fill(a, 't', 2);
    await until('both are delivered', () => received.events.length === 2);
    const last = received.events[1]?.position ?? assert.fail();
    announcements.lose(true);
    await publishOne(a, 't', { payload: payload('3') });
    await until('it is lost', () => announcements.lost() === 1);
    const top = await b.top('t');
    assert.equal(standingOf(last, top), 'next', 'the end of the log says that there is an event');
    assert.equal(verdict(await b.read('t', last, pageMax)), '3');
    announcements.lose(false);
    await publishOne(a, 't', { payload: payload('4') });
    await until('the next one is delivered', () => received.events.length === 3);
    const next = received.events[2]?.position ?? assert.fail();
    assert.equal(standingOf(last, next), 'read', 'so does the next event');
    assert.equal(standingOf(last, last), 'same');
    assert.equal(standingOf(last, { ...last, id: 'another' }), 'read');
    assert.equal(standingOf(last, { ...last, offset: 1 }), 'read');
    assert.equal(standingOf(last, { ...next, epoch: 'another', offset: 3 }), 'read');
    assert.equal(verdict(await b.read('t', last, pageMax)), '3 4');
    assert.equal(received.gaps(), 0);
  });

  contract('an event says which one was before it: others may have taken the offsets of a lost end', async ({ a, b, announcements, faults }) => {
    const received = follower();
    await b.follow('t', received);
    await fill(a, 't', 1);
    const restore = await faults.save('t');
    await publishOne(a, 't', { payload: payload('2') });
    await until('both are delivered', () => received.events.length === 2);
    const last = received.events[1]?.position ?? assert.fail();
    assert.deepEqual(received.previousIds, ['', received.events[0]?.position.id]);
    await restore();
    announcements.lose(true);
    const other = await publishOne(a, 't', { payload: payload('other 2') });
    await until('it is lost', () => announcements.lost() === 1);
    announcements.lose(false);
    await publishOne(a, 't', { payload: payload('3') });
    await until('the next one is delivered', () => received.events.length === 3);
    const next = received.events[2]?.position ?? assert.fail();
    assert.deepEqual([other.offset, next.offset, received.previousIds[2]], [last.offset, last.offset + 1, other.id]);
    assert.equal(standingOf(last, next, other.id), 'read', 'its offset alone looks as if it followed');
    assert.equal(standingOf(other, next, other.id), 'next');
    assert.equal(standingOf(last, next), 'next', 'from a release that does not say');
  });

  contract('who gives up following is rejected with the reason; who closes gets nothing more', async ({ a, b }) => {
    const why = new Error('enough');
    await assert.rejects(a.follow('t', follower(), AbortSignal.abort(why)), why);
    const [first, second] = [follower(), follower()];
    const subscription = await b.follow('t', first);
    await b.follow('t', second);
    subscription.close();
    await publishOne(a, 't', { payload: payload('1') });
    await until('the other gets it', () => second.events.length === 1);
    assert.deepEqual(first.events, []);
  });
}
