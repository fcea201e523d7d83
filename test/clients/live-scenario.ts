// What an official client must see on its stream of live updates: it prints a line of JSON for each message, and does
// what it reads.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Running, startProcess } from '../support/server/process.ts';
import { until } from '../support/time/until.ts';
import type { Replicas } from './replicas.ts';
import { root } from './script.ts';

/** What a client printed of one message. */
type Line = { readonly live: string } & Readonly<Record<string, unknown>>;

/** @param command starts the client, when there are replicas */
export function liveTests(client: string, replicas: () => Replicas, command: () => Promise<readonly string[]>): void {
  suite(`${client}: live updates`, () => {
    const topic = `news:${client.replace(/\W+/g, '-')}`;
    const published: string[] = [];
    let running: Running;
    const lines = () =>
      running
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{"'))
        .map((line) => JSON.parse(line) as Line)
        .filter(({ live }) => live !== undefined);
    const all = (kind: string) => lines().filter(({ live }) => live === kind);
    const come = (what: string, isTrue: () => boolean | Promise<boolean>) =>
      until(what, isTrue, 60_000).catch((error: unknown) => {
        throw new Error(`${client} printed:\n${running.output()}`, { cause: error });
      });
    const wait = async (kind: string, nth = 1): Promise<Line> => {
      await come(`${kind} ${nth}`, () => all(kind).length >= nth);
      return all(kind)[nth - 1] as Line;
    };
    const texts = () => all('event').map(({ text }) => text);
    const publish = async (count: number) => {
      const next = Array.from({ length: count }, (_, i) => String(published.length + i));
      await replicas().publish(topic, next);
      published.push(...next);
    };
    const allCame = () => come('all events', () => texts().length >= published.length);

    before(async () => {
      const [program = '', ...args] = await command();
      const { target, caFile, idTokenOf } = replicas();
      const own = { PORTICO_TARGET: target, PORTICO_CA: caFile, PORTICO_ID_TOKEN: await idTokenOf('alice'), PORTICO_TOPIC: topic };
      running = startProcess(program, [...args, 'live'], { cwd: root, env: { ...process.env, ...own }, shown: true });
      await wait('welcome');
    });
    after(() => running?.stop());

    test('subscribes, and receives what is published', async () => {
      await wait('subscribed');
      await publish(5);
      await allCame();
      assert.deepEqual(texts(), published);
    });
    test('watches a screen, and receives it anew when it has changed', async () => {
      const { orders } = await wait('snapshot');
      await replicas().placeOrder('alice');
      await come('a snapshot with one order more', () => all('snapshot').some((line) => line.orders === Number(orders) + 1));
    });
    test('renews its token in the stream', async () => {
      const { ends_at } = await wait('welcome');
      let renewals = 0;
      await come('a later end: tokens end at whole seconds', async () => {
        running.say('renew');
        const { reason, ends_at: later } = await wait('renewed', ++renewals);
        assert.equal(reason, '');
        return Number(later) > Number(ends_at);
      });
    });
    test('is notified that its replica stops, and resumes at the other with nothing missed', async () => {
      const [holder] = await replicas().holders();
      const stopped = holder?.stop();
      await wait('going_away');
      for (let i = 0; i < 10; i++) await publish(3);
      await stopped;
      await publish(5);
      await allCame();
      await holder?.start();
      assert.deepEqual(texts(), published);
      assert.deepEqual(
        all('subscribed')
          .slice(1)
          .map(({ recovered }) => recovered),
        [true],
      );
      assert.deepEqual(all('cut'), [], 'it left before the replica closed');
    });
    test('goes on watching at the other replica, and renews its token there', async () => {
      const orders = Math.max(...all('snapshot').map((line) => Number(line.orders)));
      await replicas().placeOrder('alice');
      await come('a snapshot with one order more', () => all('snapshot').some((line) => line.orders === orders + 1));
      const renewals = all('renewed').length;
      running.say('renew');
      assert.equal((await wait('renewed', renewals + 1)).reason, '');
      assert.equal(all('welcome').length, 2, 'of the two replicas, and no other stream');
    });
    test('says goodbye', async () => {
      running.say('leave');
      const { code } = await running.ended;
      assert.equal(code, 0);
      await come('no stream left', async () => (await replicas().holders()).length === 0);
    });
  });
}
