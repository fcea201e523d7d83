import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus } from '../../src/core/ports/bus.ts';
import { messageBytesMax, topicLengthMax } from '../../src/core/ports/bus-limits.ts';
import { until } from '../support/time/until.ts';

/** Two replicas' ends of one bus. */
export type BusHarness = AsyncDisposable & { readonly a: Bus; readonly b: Bus };

const bytes = (text: string) => Buffer.from(text);

/** Keeps what it hears. */
export function keeper() {
  const heard: string[] = [];
  let gaps = 0;
  return {
    heard,
    gaps: () => gaps,
    onMessage: (message: Uint8Array) => void heard.push(Buffer.from(message).toString()),
    onGap: () => void gaps++,
  };
}

/** What every adapter of the bus promises while nothing breaks. */
export function busContract(adapter: string, open: () => Promise<BusHarness>) {
  const contract = (name: string, body: (on: BusHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, { timeout: 60_000 }, async () => {
      await using on = await open();
      await body(on);
    });

  contract('what is published after subscribe has resolved is heard, by the publisher too', async ({ a, b }) => {
    for (let i = 0; i < 30; i++) {
      const [here, there] = [keeper(), keeper()];
      const topic = `order:${i}`;
      const subscriptions = await Promise.all([a.subscribe(topic, here), b.subscribe(topic, there)]);
      await a.publish(topic, bytes(`${i}`));
      await until('both hear it', () => here.heard.length === 1 && there.heard.length === 1);
      assert.deepEqual([here.heard, there.heard], [[`${i}`], [`${i}`]]);
      assert.ok(subscriptions.every((one) => one.isWhole()));
      for (const one of subscriptions) one.close();
    }
  });

  contract('messages of one publisher come in order, any bytes, up to the bound', async ({ a, b }) => {
    const got: Buffer[] = [];
    await b.subscribe('numbers', { onMessage: (message) => void got.push(Buffer.from(message)), onGap: () => assert.fail('a gap') });
    const sent = Array.from({ length: 500 }, (_, i) => Buffer.from([i >> 8, i & 255, 0, 255, 13, 10]));
    await Promise.all(sent.map((message) => a.publish('numbers', message)));
    const large = Buffer.alloc(messageBytesMax, 7);
    await a.publish('numbers', large);
    await until('all are there', () => got.length === sent.length + 1);
    assert.deepEqual(Buffer.concat(got), Buffer.concat([...sent, large]));
    await assert.rejects(a.publish('numbers', Buffer.alloc(messageBytesMax + 1)), RangeError);
  });

  contract('topics share nothing, whatever their names are', async ({ a, b }) => {
    const names = ['x', 'x ', '{x}', 'é', '__proto__', 'a}b{c', 'x'.repeat(topicLengthMax), '*'];
    const keepers = names.map(() => keeper());
    await Promise.all(names.map((name, i) => b.subscribe(name, keepers[i] ?? assert.fail())));
    for (const name of names) await a.publish(name, bytes(name));
    await until('all are there', () => keepers.every(({ heard }) => heard.length > 0));
    assert.deepEqual(
      keepers.map(({ heard }) => heard),
      names.map((name) => [name]),
    );
    await assert.rejects(a.publish('', bytes('')), RangeError);
    await assert.rejects(b.subscribe('x'.repeat(topicLengthMax + 1), keeper()), RangeError);
  });

  contract('one who closes hears nothing more, and those beside go on', async ({ a, b }) => {
    const [first, second] = [keeper(), keeper()];
    const [one] = await Promise.all([b.subscribe('t', first), b.subscribe('t', second)]);
    await a.publish('t', bytes('1'));
    await until('both hear it', () => first.heard.length + second.heard.length === 2);
    one.close();
    one.close();
    await a.publish('t', bytes('2'));
    await until('the other hears it', () => second.heard.length === 2);
    assert.deepEqual(first.heard, ['1']);
  });

  contract('subscribing and closing in any order ends as it was last said', async ({ a, b }) => {
    const kept = keeper();
    const opened = [];
    for (let i = 0; i < 20; i++) {
      const subscribing = b.subscribe('fickle', kept);
      if (i % 3 === 0) (await subscribing).close();
      else opened.push(subscribing);
    }
    for (const one of opened) (await one).close();
    const last = await b.subscribe('fickle', kept);
    await a.publish('fickle', bytes('once'));
    await until('it is heard', () => kept.heard.length > 0);
    assert.deepEqual(kept.heard, ['once']);
    last.close();
  });

  contract('a listener that throws touches nobody else', async ({ a, b }) => {
    const kept = keeper();
    const bad = {
      onMessage: () => {
        throw new Error('bad listener');
      },
      onGap: () => {},
    };
    await b.subscribe('t', bad);
    await b.subscribe('t', kept);
    await a.publish('t', bytes('1'));
    await a.publish('t', bytes('2'));
    await until('the other hears both', () => kept.heard.length === 2);
  });

  contract('a publisher knows whether anyone has received it', async ({ a, b }) => {
    assert.equal(await a.publish('counted', bytes('1')), 0);
    const subscription = await b.subscribe('counted', keeper());
    assert.equal(await a.publish('counted', bytes('2')), 1);
    subscription.close();
    await until('nobody receives it', async () => (await a.publish('counted', bytes('3'))) === 0);
  });

  contract('one who gives up waiting is rejected with the reason', async ({ a }) => {
    const why = new Error('enough');
    await assert.rejects(a.subscribe('t', keeper(), AbortSignal.abort(why)), why);
  });
}
