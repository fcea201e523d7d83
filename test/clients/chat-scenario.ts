// What an official client must do on its stream of conversations, while its connection is cut: it prints a line of JSON
// for each message, and sends what it reads.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { type Running, startProcess } from '../support/server/process.ts';
import { until } from '../support/time/until.ts';
import { type ChatPeer, openChatPeer } from './chat-peer.ts';
import type { Replicas } from './replicas.ts';
import { root } from './script.ts';

type Line = { readonly chat: string } & Readonly<Record<string, unknown>>;

/** @param command starts the client, when there are replicas */
export function chatTests(client: string, replicas: () => Replicas, command: () => Promise<readonly string[]>): void {
  suite(`${client}: chat`, () => {
    let link: FaultyLink;
    let peer: ChatPeer;
    let id: string;
    let running: Running;
    const expected: string[] = [];
    const all = (kind: string) =>
      running
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{"'))
        .map((line) => JSON.parse(line) as Line)
        .filter(({ chat }) => chat === kind);
    const events = () => all('event').filter(({ conversation }) => conversation === id);
    const texts = () => events().flatMap(({ text }) => (text === '' ? [] : [text]));
    const come = (what: string, isTrue: () => boolean) =>
      until(what, isTrue, 60_000).catch((error: unknown) => {
        throw new Error(`${client} printed:\n${running.output()}`, { cause: error });
      });
    const post = (text: string) => {
      running.say(`post ${id} ${randomUUID()} ${text}`);
      expected.push(text);
    };
    /** Both have everything once, in one order, and each one's own in the order in which it was sent. */
    const bothHaveAll = async () => {
      await come('all came to the client', () => texts().length >= expected.length);
      await come('all came to the other member', () => peer.texts(id).length >= expected.length);
      assert.deepEqual(texts(), peer.texts(id));
      const isOfPeer = (text: unknown) => String(text).startsWith('peer ');
      for (const own of [true, false])
        assert.deepEqual(
          texts().filter((text) => isOfPeer(text) === own),
          expected.filter((text) => isOfPeer(text) === own),
        );
      const seqs = events().map(({ seq }) => Number(seq));
      assert.deepEqual(
        seqs,
        seqs.map((_, i) => i + 1),
      );
    };
    const byPeer = (text: string) => {
      peer.post(id, `peer ${text}`);
      expected.push(`peer ${text}`);
    };

    before(async () => {
      const [program = '', ...args] = await command();
      link = await openFaultyLink(`127.0.0.1:${replicas().target.split(':')[1]}`);
      peer = await openChatPeer(replicas(), 'bob');
      id = await peer.group('alice');
      const { caFile, idTokenOf } = replicas();
      const target = `localhost:${link.address.split(':')[1]}`;
      const own = { PORTICO_TARGET: target, PORTICO_CA: caFile, PORTICO_ID_TOKEN: await idTokenOf('alice') };
      running = startProcess(program, [...args, 'chat'], { cwd: root, env: { ...process.env, ...own }, shown: true });
    });
    after(async () => {
      peer?.close();
      await running?.stop();
      await link?.close();
    });

    test('gets its conversations, is caught up, sends and receives', async () => {
      await come('it is caught up', () => all('caught_up').length === 1);
      assert.ok(all('conversation').some((line) => line.id === id));
      post('hello');
      byPeer('hi');
      await bothHaveAll();
    });
    test('sends what it queued while there was no network, and gets what it missed', async () => {
      await link.become('refused');
      await come('it is seen', () => all('cut').length > 0);
      for (let n = 0; n < 5; n++) {
        post(`offline ${n}`);
        byPeer(`meanwhile ${n}`);
      }
      await come('the other member has sent', () => peer.texts(id).length === 7);
      await link.become('open');
      await bothHaveAll();
    });
    test('its connection is cut again and again: nothing is lost, doubled or reordered', async () => {
      for (let round = 0; round < 6; round++) {
        for (let n = 0; n < 4; n++) {
          post(`round ${round}.${n}`);
          byPeer(`round ${round}.${n}`);
        }
        await come('it is connected', () => all('welcome').length > all('cut').length);
        const cuts = all('cut').length;
        if (round % 2 === 0) await come('some are answered', () => all('posted').length > 4 * round);
        await link.become('open'); // cuts all connections, and takes new ones
        await come('it is seen', () => all('cut').length > cuts);
      }
      await bothHaveAll();
      assert.ok(all('posted').every(({ reason }) => reason === ''));
    });
    test('says goodbye', async () => {
      running.say('leave');
      assert.equal((await running.ended).code, 0);
    });
  });
}
