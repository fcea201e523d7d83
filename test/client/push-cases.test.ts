// The cases of docs/mobile/push-cases.json on our client, and what must hold of pushes in whatever order they come.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { apnsData, pushedOf } from '../../src/client/push/parse-push.ts';
import { initialPushState, type PushAction, type PushEvent, pushStep } from '../../src/client/push/step.ts';
import { seeded } from '../support/time/seeded.ts';

type Json = Readonly<Record<string, unknown>>;
type Case = { readonly name: string; readonly steps: readonly { readonly event: Json; readonly actions: readonly Json[] }[] };

const file = resolve(import.meta.dirname, '../../docs/mobile/push-cases.json');
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly Case[] };

const eventOf = (event: Json) => ({ ...event, ...(event.seq !== undefined && { seq: BigInt(event.seq as string) }) }) as unknown as PushEvent;
const jsonOf = (action: PushAction) =>
  JSON.parse(JSON.stringify(action, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each))) as Json;

for (const { name, steps } of cases)
  test(name, () => {
    let state = initialPushState;
    for (const { event, actions } of steps) {
      const next = pushStep(state, eventOf(event));
      state = next.state;
      assert.deepEqual(next.actions.map(jsonOf), actions);
    }
  });

test('each kind of event and action has a case', () => {
  const kinds = (of: readonly Json[], name: string) => [...new Set(of.map((each) => each[name]))].sort();
  const steps = cases.flatMap((each) => each.steps);
  const events = ['dismissed', 'pushed', 'read', 'restore', 'screen', 'signedIn', 'signedOut', 'tapped', 'unread'];
  assert.deepEqual(
    kinds(
      steps.map(({ event }) => event),
      'type',
    ),
    events,
  );
  const actions = ['badge', 'connect', 'handle', 'open', 'remove', 'removeAll', 'show'];
  assert.deepEqual(
    kinds(
      steps.flatMap(({ actions }) => actions),
      'do',
    ),
    actions,
  );
});

test('in whatever order and however often pushes come, what is shown at the end is what was not read', () => {
  const conversations = ['a', 'b', 'c'];
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const below = (most: number) => Math.floor(random() * most);
    const upTo = new Map(conversations.map((id) => [id, below(6)]));
    const messages = conversations.flatMap((id) =>
      [1, 2, 3, 4, 5].map((seq) => ({ type: 'pushed', data: { kind: 'message', conversation_id: id, seq: `${seq}` } }) as const),
    );
    const reads = [...upTo].flatMap(([id, top]) =>
      Array.from(
        { length: top },
        (_, i): PushEvent =>
          below(2) === 0
            ? { type: 'pushed', data: { kind: 'read', conversation_id: id, seq: `${i + 1}` } }
            : { type: 'read', conversationId: id, seq: BigInt(i + 1) },
      ),
    );
    const all: readonly PushEvent[] = [...messages, ...messages, ...reads];
    const events = all.map((event) => ({ event, place: random() })).sort((x, y) => x.place - y.place);
    const shown = new Set<string>();
    let state = initialPushState;
    for (const { event } of events) {
      const next = pushStep(state, event);
      state = next.state;
      for (const action of next.actions) {
        if (action.do === 'show') {
          assert.equal(action.alerts, !shown.has(action.push.tag), 'a repeat makes no sound');
          shown.add(action.push.tag);
        }
        if (action.do === 'remove') for (const tag of action.tags) assert.ok(shown.delete(tag), 'only what is shown');
      }
      assert.deepEqual([...state.shown.keys()].sort(), [...shown].sort(), `seed ${seed}`);
    }
    const unread = messages.map(({ data }) => data).filter(({ conversation_id, seq }) => Number(seq) > (upTo.get(conversation_id) ?? 0));
    assert.deepEqual([...shown].sort(), unread.map(({ conversation_id, seq }) => `${conversation_id}:${seq}`).sort(), `seed ${seed}`);
  }
});

test('a push of APNs says the same as one of FCM', () => {
  const place = { kind: 'message', conversation_id: 'a', seq: '4', badge: '2' };
  const byFcm = { ...place, tag: 'a:4', title: 'Crew', body: 'hi', quiet: 'true' };
  const aps = { alert: { title: 'Crew', body: 'hi' }, badge: 2, 'interruption-level': 'passive', 'thread-id': 'a' };
  assert.deepEqual(pushedOf(apnsData({ aps, portico: place }, 'a:4')), pushedOf(byFcm));
  const localized = apnsData({ aps: { alert: { 'loc-key': 'PORTICO_MESSAGE' }, sound: 'default' }, portico: place });
  assert.deepEqual(pushedOf(localized), pushedOf({ ...place, tag: 'a:4' }));
  for (const payload of [{}, { aps: 'x' }, { aps: { alert: 'a text' } }, { portico: null }, { portico: { kind: 1 } }])
    assert.equal(pushedOf(apnsData(payload)), undefined);
});
