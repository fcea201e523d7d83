// An app in a real browser, over Connect: `npm run test:clients`.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page as Tab } from 'playwright-core';
import { openClosers } from '../../scripts/cluster/closers.ts';
import { browserBundle } from '../support/client/browser-bundle.ts';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { until } from '../support/time/until.ts';
import type { Actions, Page } from './browser/app.ts';
import { openBrowser, servePage } from './browser/browser.ts';
import { openChatPeer } from './chat-peer.ts';
import { openReplicas, type Replicas } from './replicas.ts';

const closers = openClosers();
/** What both replicas share. */
const media = mkdtempSync(join(tmpdir(), 'portico-media-'));
const topic = 'news:browser';
/** So short that the client renews its token in the stream a few seconds after it began. */
const tokenTtl = '15s';

let replicas: Replicas;
let tab: Tab;
/** A page from an origin that no setting names. */
let stranger: Tab;
/** A page whose network is a link that can be cut. */
let chatter: Tab;
let link: FaultyLink;

before(async () => {
  const module = await browserBundle('test/clients/browser/app.ts');
  const [page, other] = [await servePage(module), await servePage(module)];
  for (const { close } of [page, other]) closers.add(close);
  replicas = await openReplicas({
    PORTICO_PUBLIC__CORS_ORIGINS: page.origin,
    PORTICO_AUTH__ACCESS_TOKEN_TTL: tokenTtl,
    PORTICO_MEDIA__FOLDER: media,
  });
  closers.add(replicas.close);
  const browser = await openBrowser([replicas.ca, readFileSync(join(dirname(replicas.caFile), 'cert.pem'), 'utf8')]);
  closers.add(() => browser.close());
  const open = async (origin: string) => {
    const opened = await browser.newPage();
    opened.on('pageerror', (error) => console.error(error));
    await opened.goto(origin);
    await opened.waitForFunction('globalThis.actions !== undefined');
    return opened;
  };
  [tab, stranger, chatter] = [await open(page.origin), await open(other.origin), await open(page.origin)];
  for (const one of [tab, stranger]) await act(one, 'open', replicas.url);
  link = await openFaultyLink(`127.0.0.1:${replicas.target.split(':')[1]}`);
  closers.add(link.close);
  await act(chatter, 'open', `https://localhost:${link.address.split(':')[1]}`);
});
after(async () => {
  await closers.close();
  rmSync(media, { recursive: true, force: true });
});

/** Calls an action of the page. */
function act<A extends keyof Actions>(page: Tab, action: A, ...args: Parameters<Actions[A]>): Promise<Awaited<ReturnType<Actions[A]>>> {
  type Call = { readonly action: string; readonly args: readonly unknown[] };
  const inPage = ({ action: name, args: given }: Call) =>
    (globalThis as unknown as { actions: Record<string, (...args: readonly unknown[]) => unknown> }).actions[name]?.(...given);
  return page.evaluate(inPage, { action, args } as Call) as never;
}

const seen = (page = tab) => page.evaluate(() => (globalThis as unknown as { seen: Page }).seen);

/** Waits until the page has seen something. */
async function come(what: string, isTrue: (page: Page) => boolean, page = tab): Promise<Page> {
  await until(what, async () => isTrue(await seen(page)), 60_000).catch(async (error: unknown) => {
    throw new Error(JSON.stringify(await seen(page)), { cause: error });
  });
  return seen(page);
}

test('a page of an allowed origin signs in; that of another one cannot call', async () => {
  await act(tab, 'signIn', await replicas.idTokenOf('alice'));
  const refused = act(stranger, 'signIn', await replicas.idTokenOf('alice'));
  await assert.rejects(refused, /SessionService\/SignIn: Failed to fetch/);
});

test('a screen is called, and called again with its etag; a refusal has its reason', async () => {
  assert.equal(await act(tab, 'home'), 'Alice Marlow');
  for (let tries = 1; tries <= 5 && !(await seen()).notModified.includes(true); tries++) assert.equal(await act(tab, 'home'), 'Alice Marlow');
  assert.ok((await seen()).notModified.includes(true));
  assert.equal(await act(tab, 'failing'), 'REQUEST_INVALID');
});

const published: string[] = [];
async function publish(count: number): Promise<void> {
  const next = Array.from({ length: count }, (_, i) => String(published.length + i));
  await replicas.publish(topic, next);
  published.push(...next);
}

test('subscribed and watched: events, and a new snapshot when the screen has changed', async () => {
  await act(tab, 'listen', topic);
  const { snapshots } = await come('live', ({ phases }) => phases.at(-1) === 'live');
  await publish(5);
  await come('all events', ({ events }) => events.length === 5);
  const [orders = 0] = snapshots.length > 0 ? snapshots : (await come('a snapshot', (page) => page.snapshots.length > 0)).snapshots;
  await replicas.placeOrder('alice');
  await come('a snapshot with one order more', (page) => page.snapshots.includes(orders + 1));
});

test('the token is renewed in the stream', async () => {
  const { phases, messages } = await come('a renewal', (page) => page.messages.some((message) => message.startsWith('renewed')));
  assert.ok(messages.includes('renewed '), 'it was accepted');
  assert.deepEqual(phases, ['connecting', 'syncing', 'live'], 'the stream lasts');
});

test('its replica stops: it is notified, and resumes at the other with nothing missed', async () => {
  const [holder] = await replicas.holders();
  const stopped = holder?.stop();
  await come('the notice', ({ messages }) => messages.includes('goingAway'));
  for (let i = 0; i < 10; i++) await publish(3);
  await stopped;
  await publish(5);
  const { events, recovered, phases } = await come('all events', (page) => page.events.length >= published.length);
  assert.deepEqual(events, published);
  assert.deepEqual(recovered.slice(1), [true]);
  assert.deepEqual(phases, ['connecting', 'syncing', 'live', 'connecting', 'syncing', 'live']);
  await holder?.start();
});

test('it goes on watching at the other replica', async () => {
  const { snapshots } = await seen();
  const orders = Math.max(...snapshots);
  await replicas.placeOrder('alice');
  await come('a snapshot with one order more', (page) => page.snapshots.includes(orders + 1));
});

test('it says goodbye', async () => {
  await act(tab, 'close');
  await until('no stream is left', async () => (await replicas.holders()).length === 0);
});

test('a chat holds over connections that are cut: each message is there once, in its order', async () => {
  const peer = await openChatPeer(replicas, 'bob');
  closers.add(peer.close);
  const id = await peer.group('alice');
  const isLive = ({ chatPhases }: Page) => chatPhases.at(-1) === 'live';
  const sent: string[] = [];
  const byBoth = async (text: string) => {
    await act(chatter, 'post', id, text);
    peer.post(id, `peer ${text}`);
    sent.push(text);
  };
  await act(chatter, 'signIn', await replicas.idTokenOf('alice'));
  await act(chatter, 'converse');
  await come('the chat is live', isLive, chatter);
  await byBoth('hello');
  await come('it is stored', ({ posted }) => posted.length === 1, chatter);

  await link.become('refused');
  await come('it is seen', ({ chatPhases }) => chatPhases.at(-1) === 'waiting', chatter);
  for (let n = 0; n < 5; n++) await byBoth(`offline ${n}`);
  await link.become('open');
  await act(chatter, 'online');
  await come('the chat is live again', isLive, chatter);
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < 3; n++) await byBoth(`round ${round}.${n}`);
    if (round % 2 === 0) await come('some are stored', ({ posted }) => posted.length > round, chatter);
    await link.become('open'); // cuts all connections, and takes new ones
    await act(chatter, 'online');
  }
  await come('all are stored', ({ posted }) => posted.length >= sent.length, chatter);
  await until('all came', async () => (await act(chatter, 'texts', id)).length >= 2 * sent.length, 60_000);
  await until('all came to the other member', () => peer.texts(id).length >= 2 * sent.length, 60_000);
  const texts = await act(chatter, 'texts', id);
  assert.deepEqual(texts, peer.texts(id));
  assert.deepEqual(
    [texts.filter((text) => !text.startsWith('peer ')), texts.filter((text) => text.startsWith('peer '))],
    [sent, sent.map((text) => `peer ${text}`)],
  );
});

test('an attachment goes up by PUT, in requests of 8 MiB, and comes back by GET with the hash that it had', async () => {
  const peer = await openChatPeer(replicas, 'bob');
  closers.add(peer.close);
  const id = await peer.group('alice');
  const bytes = 10_000_000;
  assert.deepEqual(await act(chatter, 'carry', id, bytes), ['image/png', bytes, bytes]);
  await act(chatter, 'close');
});
