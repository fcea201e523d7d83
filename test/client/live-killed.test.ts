// The state machine of live updates between a model of the server and an app that is killed. Each history is repeated
// once for each action of the machine, and the app is killed before that action. What it has stored is what
// docs/mobile/live.md asks for, and nothing else outlives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeptChange, type KeptLive, keptAfter, nothingKept, subscribeFrom } from '../../src/client/live/kept-positions.ts';
import { type Action, initialState, type LiveEvent, type LiveState, type Notice } from '../../src/client/live/state.ts';
import { step } from '../../src/client/live/step.ts';
import { type LiveHello, LivePublish, type LiveRequest, LiveResponse, type Position } from '../../src/gen/portico/v1/live.ts';
import { Advice } from '../../src/gen/portico/v1/stream.ts';
import { seeded } from '../support/time/seeded.ts';

const topic = 'order:1';
const rounds = 70;
const seeds = 140;
/** Events that the log keeps. */
const logMax = 4;
/**
 * Hellos that the network holds back at most, and how long. Milliseconds: less than the minute in which a client expects
 * them, because what they lead to is on the way, too.
 */
const lateMax = 4;
const lateMs = 55_000;
/** How long the server knows a request id (live.proto), and within which an app publishes a stored event again. */
const requestIdMs = 300_000;
const publishAgainMs = 60_000;
/** How far the clock goes on at once, at most. Milliseconds. */
const pauseMs = 20_000;
/** How long the device has no network, at most. Milliseconds: longer than an event is sent again. */
const outageMs = 400_000;

type Random = (below: number) => number;
type Clock = { ms: number };
type Came = NonNullable<LiveResponse['message']>;
type Logged = { readonly offset: bigint; readonly id: string; readonly payload: Uint8Array };
/** A stream: its hello is on the way, or has come to the server. */
type Stream = { readonly hello: LiveHello; readonly inbox: LiveRequest['message'][]; readonly outbox: Came[]; leftAtMs: number | undefined };

class Killed extends Error {}

/** A topic whose log is short, and loses its tail now and then. What has been published is never lost elsewhere. */
function openServer(clock: Clock) {
  const published: string[] = [];
  /** Until when each is known. */
  const requestIds = new Map<string, number>();
  let [epoch, offset] = [1, 0n];
  let log: Logged[] = [];
  /** The stream of the device. */
  let current: Stream | undefined;
  const top = (): Position => ({ epoch: `e${epoch}`, offset, eventId: offset === 0n ? '' : `${epoch}.${offset}` });
  const publish = (text: string) => {
    published.push(text);
    const event = { offset: ++offset, id: `${epoch}.${offset}`, payload: Buffer.from(text) };
    log = [...log, event].slice(-logMax);
    current?.outbox.push({ $case: 'events', value: { topic, events: [{ ...event, key: '', publishedAt: undefined }] } });
  };
  const answer = (stream: Stream) => {
    current?.outbox.push(closed('STREAM_DISPLACED', Advice.ADVICE_STAY_AWAY));
    current = stream;
    stream.outbox.push({
      $case: 'welcome',
      value: { streamId: 's', heartbeatMs: 25_000, acknowledgeEvery: 3, serverTime: undefined, endsAt: undefined },
    });
    for (const { generation, position } of stream.hello.subscriptions) {
      const known = position?.epoch === `e${epoch}` && position.offset + BigInt(log.length) >= offset;
      const from = known && position !== undefined ? position : top();
      stream.outbox.push({ $case: 'subscribed', value: { topic, generation, recovered: known, position: from } });
      const events = log.filter((event) => event.offset > from.offset).map((event) => ({ ...event, key: '', publishedAt: undefined }));
      if (events.length > 0) stream.outbox.push({ $case: 'events', value: { topic, events } });
    }
  };
  return {
    published,
    publish,
    answer,
    end: (stream: Stream) => {
      if (current === stream) current = undefined;
    },
    /** Handles what a client has sent. */
    handle: (stream: Stream) => {
      const message = stream.inbox.shift();
      if (message?.$case === 'goodbye' && current === stream) current = undefined;
      if (message?.$case !== 'publish' || current !== stream) return;
      const { requestId } = message.value;
      if ((requestIds.get(requestId) ?? 0) <= clock.ms) {
        publish(Buffer.from(message.value.payload).toString());
        requestIds.set(requestId, clock.ms + requestIdMs);
      }
      stream.outbox.push({ $case: 'published', value: { requestId, position: undefined, reason: '', message: '' } });
    },
    loseTail: () => {
      [epoch, offset, log] = [epoch + 1, 0n, []];
      current?.outbox.push({ $case: 'subscribed', value: { topic, generation: generationOf(current), recovered: false, position: top() } });
    },
    say: (message: Came) => current?.outbox.push(message),
  };
}

const generationOf = ({ hello }: Stream) => hello.subscriptions[0]?.generation ?? 0;
const closed = (reason: string, advice: Advice): Came => ({ $case: 'closed', value: { reason, message: '', advice, delayMs: 0 } });

/** An app with a database, of which each change is all or nothing, and its client. */
function openApp(server: ReturnType<typeof openServer>, clock: Clock, random: Random, killAt: number) {
  // what outlives the process
  let kept: KeptLive = nothingKept;
  let data = new Set<string>();
  const twice: string[] = [];
  const outbox = new Map<string, { readonly event: LivePublish; readonly atMs: number }>();
  /** Own events that are perhaps published. */
  const unknown = new Set<string>();
  // what does not
  let state: LiveState = initialState;
  let loads: { readonly since: Position | undefined; loaded?: readonly string[] }[] = [];
  let timers = new Set<string>();
  let isRenewing = false;
  /** Request ids that an earlier process has stored. */
  let stored: string[] = [];
  let stream: Stream | undefined;
  /** Streams whose hello the server does not have yet. */
  let underWay: Stream[] = [];
  let actions = 0;
  let kills = 0;
  const refused: string[] = [];

  const dispatch = (event: LiveEvent) => {
    const next = step(state, event, { nowMs: clock.ms, random: 0 });
    state = next.state;
    for (const action of next.actions) {
      if (actions++ === killAt) throw new Killed();
      act(action);
    }
  };
  const act = (action: Action) => {
    switch (action.do) {
      case 'open':
        stream = { hello: action.hello, inbox: [], outbox: [], leftAtMs: undefined };
        underWay.push(stream);
        return;
      case 'send':
        stream?.inbox.push(action.message);
        return;
      case 'close':
        return leave();
      case 'setTimer':
        return void timers.add(action.name);
      case 'clearTimers':
        timers = new Set();
        return;
      case 'renewToken':
        isRenewing = true;
        return;
      case 'notify':
        return notified(action.notice);
    }
  };
  /** The network may still hold its hello back. */
  const leave = () => {
    if (stream !== undefined) stream.leftAtMs = clock.ms;
    if (stream !== undefined && !underWay.includes(stream)) for (let left = random(3); left > 0; left--) server.handle(stream);
    stream = undefined;
    const late = underWay.filter(({ leftAtMs }) => leftAtMs !== undefined).slice(0, -lateMax);
    underWay = underWay.filter((each) => !late.includes(each));
  };
  const keep = (change: KeptChange) => {
    kept = keptAfter(kept, change);
  };
  const notified = (notice: Notice) => {
    keep(notice);
    if (notice.kind === 'subscribed' && !notice.recovered) loads.push({ since: notice.position });
    if (notice.kind === 'refused') refused.push(notice.reason);
    if (notice.kind === 'published') settled(notice.requestId, notice.reason === 'UNANSWERED');
    if (notice.kind !== 'event') return;
    const text = Buffer.from(notice.event.payload).toString();
    if (given.has(text)) twice.push(text);
    given.add(text);
    data = new Set(data).add(text);
  };
  const settled = (requestId: string, isUnknown: boolean) => {
    const event = outbox.get(requestId)?.event;
    if (event !== undefined && isUnknown) unknown.add(Buffer.from(event.payload).toString());
    outbox.delete(requestId);
  };
  const given = new Set<string>();
  const start = () => {
    dispatch(subscribeFrom(kept, topic));
    dispatch({ type: 'start' });
  };
  const kill = () => {
    kills++;
    leave();
    [state, loads, timers, isRenewing, stored] = [initialState, [], new Set(), false, [...outbox.keys()]];
    clock.ms += random(2 * publishAgainMs);
    start();
  };
  /** Kills the app where that is due. */
  const guarded = (work: () => void) => () => {
    clock.ms += 100;
    try {
      if (random(3) === 0) pause(random(pauseMs));
      underWay = underWay.filter(({ leftAtMs }) => leftAtMs === undefined || clock.ms - leftAtMs < lateMs);
      work();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      kill();
    }
  };
  const arrive = () => {
    const next = underWay.splice(random(underWay.length), 1)[0];
    if (next !== undefined) server.answer(next);
  };
  const receive = () => {
    const message = stream?.outbox.shift();
    if (message !== undefined) dispatch({ type: 'message', message: LiveResponse.decode(LiveResponse.encode({ message }).finish()) });
  };
  const serve = () => {
    if (stream !== undefined && !underWay.includes(stream)) server.handle(stream);
  };
  /** Only hellos are on the way for so long. */
  const pause = (ms: number) => {
    while (stream !== undefined && !underWay.includes(stream) && stream.inbox.length > 0) serve();
    while (stream !== undefined && stream.outbox.length > 0) receive();
    clock.ms += ms;
  };
  const fire = (patient: boolean) => {
    const names = [...timers].filter((name) => !patient || (name !== 'silence' && name !== 'move'));
    const name = names[random(names.length)];
    if (name === undefined) return;
    timers.delete(name);
    dispatch({ type: 'timer', name: name as 'retry' });
  };
  const load = () => {
    const next = loads[0];
    if (next === undefined) return;
    if (next.loaded === undefined) next.loaded = [...server.published];
    else {
      loads.shift();
      data = new Set([...data, ...next.loaded]);
      keep({ kind: 'loaded', topic, since: next.since });
    }
  };
  const renew = () => {
    if (!isRenewing) return;
    isRenewing = false;
    dispatch(random(2) === 0 ? { type: 'tokenFailed' } : { type: 'tokenRenewed', accessToken: 't' });
  };
  const cut = () => {
    if (stream === undefined) return;
    server.end(stream);
    dispatch({ type: 'ended', code: 'UNAVAILABLE' });
  };
  const publish = () => {
    const event = LivePublish.fromPartial({ topic, requestId: `r${clock.ms}`, payload: Buffer.from(`own ${clock.ms}`) });
    outbox.set(event.requestId, { event, atMs: clock.ms });
    wished.push(`own ${clock.ms}`);
    dispatch({ type: 'publish', event });
  };
  const outage = () => {
    dispatch({ type: 'networkLost' });
    clock.ms += random(outageMs);
    dispatch({ type: 'networkFound' });
  };
  /** What an earlier process has stored. Too late it could be published twice, so this app gives it up. */
  const publishStored = () => {
    while (state.phase === 'live' && stored.length > 0) {
      const { event, atMs } = outbox.get(stored.shift() ?? '') ?? {};
      if (event === undefined || atMs === undefined) continue;
      if (clock.ms - atMs < publishAgainMs) dispatch({ type: 'publish', event });
      else settled(event.requestId, true);
    }
  };
  const wished: string[] = [];
  return {
    start: guarded(start),
    happens: [arrive, receive, receive, receive, serve, () => fire(false), load, renew, publishStored].map(guarded),
    rare: [
      cut,
      publish,
      () => {
        publish();
        serve();
        outage();
      },
      outage,
      () => {
        publishStored();
        outage();
      },
      () => dispatch({ type: 'networkLost' }),
      () => dispatch({ type: 'networkFound' }),
      () => dispatch({ type: 'networkFound' }),
      () => (state.phase === 'stopped' ? dispatch({ type: 'start' }) : random(3) === 0 && dispatch({ type: 'stop' })),
    ].map(guarded),
    /** Everything works from now on. */
    settle: () => {
      for (let round = 0; round < 60; round++) {
        if (state.phase === 'offline') guarded(() => dispatch({ type: 'networkFound' }))();
        if (state.phase === 'stopped') guarded(() => dispatch({ type: 'start' }))();
        for (const each of [arrive, receive, receive, serve, () => fire(true), load, renew, publishStored]) guarded(each)();
      }
    },
    seen: () => ({ phase: state.phase, data: [...data].sort(), outbox: [...outbox.keys()], twice, refused }),
    wished,
    unknown,
    /** Actions so far, and how often it was killed. */
    counts: () => ({ actions, kills }),
    /** What its next process would begin with. */
    next: () => subscribeFrom(kept, topic).position,
  };
}

function play(seed: number, killAt: number) {
  const next = seeded(seed);
  const random: Random = (below) => Math.floor(next() * below);
  const clock: Clock = { ms: 0 };
  const server = openServer(clock);
  const app = openApp(server, clock, random, killAt);
  app.start();
  for (let round = 0; round < rounds; round++) {
    const chance = random(100);
    if (chance < 12) server.publish(`${round}`);
    else if (chance < 14) server.loseTail();
    else if (chance < 16) server.say({ $case: 'goingAway', value: { delayMs: 0, closesInMs: 1_000 } });
    else if (chance < 18) server.say(closed('X', [Advice.ADVICE_START_OVER, Advice.ADVICE_RENEW_TOKEN, Advice.ADVICE_RESUME][random(3)] as Advice));
    else if (chance < 30) app.rare[random(app.rare.length)]?.();
    else app.happens[random(app.happens.length)]?.();
  }
  const { actions } = app.counts();
  app.settle();
  return { server, app, actions };
}

test('an app that is killed before any action of its client has all that was published, each event once, and is refused by nobody', () => {
  let killed = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const { actions } = play(seed, Number.POSITIVE_INFINITY);
    for (let killAt = 0; killAt < actions; killAt++) {
      const { server, app } = play(seed, killAt);
      const published = [...server.published].sort();
      const at = `seed ${seed}, killed before action ${killAt}`;
      assert.deepEqual(app.seen(), { phase: 'live', data: published, outbox: [], twice: [], refused: [] }, at);
      assert.deepEqual(
        published.filter((text) => text.startsWith('own')),
        app.wished.filter((text) => !app.unknown.has(text) || published.includes(text)).sort(),
        at,
      );
      assert.notEqual(app.next(), undefined, at);
      assert.equal(app.counts().kills, 1, at);
      killed++;
    }
  }
  assert.ok(killed > 500, `${killed} kills`);
});
