// What a client makes of the events of a conversation, against a model that knows them all: in whatever order and pages
// they come, and from whatever state of the user's own the server has counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chattingOf } from '../../src/client/chat/on-message.ts';
import type { Chatting } from '../../src/client/chat/state.ts';
import { hidden, isGapBefore, merged } from '../../src/client/chat/timeline.ts';
import { unreadOf } from '../../src/client/chat/unread.ts';
import { ChatEvent, Conversation, SenderKind } from '../../src/gen/portico/v1/chat.ts';
import { seeded } from '../support/time/seeded.ts';

const users = ['alice', 'bob', 'carol'];
type Happened = {
  readonly seq: number;
  readonly by: string;
  readonly does: 'message' | 'edit' | 'delete' | 'react' | 'erase';
  readonly target: number;
};
type Random = (below: number) => number;

/** A conversation: each edit and deletion is of a message before it, and none is of one that was deleted. An erasure
 * deletes a reaction. */
function conversationOf(random: Random, length: number): readonly Happened[] {
  const log: Happened[] = [];
  const open = new Map<number, string>();
  for (let seq = 1; seq <= length; seq++) {
    const targets = [...open];
    const [target, author] = targets[random(targets.length)] ?? [0, ''];
    const kind = target === 0 ? 0 : random(9);
    const reaction = log.find((each) => each.does === 'react' && !log.some(({ does, target }) => does === 'erase' && target === each.seq));
    if (kind === 8 && reaction !== undefined) log.push({ seq, by: 'erasure', does: 'erase', target: reaction.seq });
    else if (kind < 5) {
      const by = users[random(users.length)] ?? '';
      open.set(seq, by);
      log.push({ seq, by, does: 'message', target: 0 });
    } else {
      const does = kind === 5 ? 'edit' : kind === 6 ? 'delete' : 'react';
      if (does === 'delete') open.delete(target);
      log.push({ seq, by: does === 'react' ? 'bob' : author, does, target });
    }
  }
  return log;
}

/** An event as the server sends it when there are so many: a message has its content of then. */
function eventAt({ seq, by, does, target }: Happened, log: readonly Happened[], top: number): ChatEvent {
  const later = (does: string, of: number) => log.filter((each) => each.does === does && each.target === of && each.seq <= top).at(-1)?.seq ?? 0;
  const contentOf = (message: number) => {
    if (later('delete', message) > 0) return {};
    const edit = later('edit', message);
    return { content: { text: edit > 0 ? `edit ${edit}` : `text ${message}` } };
  };
  const common = { seq: BigInt(seq), eventId: `e${seq}`, sender: { kind: SenderKind.SENDER_KIND_USER, id: by } };
  const targetSeq = BigInt(target);
  switch (does) {
    case 'message': {
      const value = { ...contentOf(seq), editedSeq: BigInt(later('edit', seq)), deletedSeq: BigInt(later('delete', seq)) };
      return ChatEvent.fromPartial({ ...common, what: { $case: 'message', value } });
    }
    case 'edit':
      return ChatEvent.fromPartial({ ...common, what: { $case: 'edited', value: { targetSeq, ...contentOf(target) } } });
    case 'delete':
    case 'erase':
      return ChatEvent.fromPartial({ ...common, what: { $case: 'deleted', value: { targetSeq } } });
    case 'react': {
      if (later('erase', seq) === 0) return ChatEvent.fromPartial({ ...common, what: { $case: 'reacted', value: { targetSeq, reaction: '+1' } } });
      const sender = { kind: SenderKind.SENDER_KIND_USER, id: 'a random name' };
      return ChatEvent.fromPartial({ ...common, sender, what: { $case: 'reacted', value: { targetSeq, removed: true } } });
    }
  }
}

/** Contents by number: what a screen shows. */
const shown = (events: readonly ChatEvent[]) =>
  events.flatMap(({ seq, what }) =>
    what?.$case === 'message' ? [[seq, what.value.content?.text, what.value.deletedSeq || what.value.editedSeq, what.value.deletedSeq]] : [],
  );

/** Who has reacted to what. */
const reactions = (events: readonly ChatEvent[]) =>
  events.flatMap(({ sender, what }) => (what?.$case === 'reacted' && !what.value.removed ? [[what.value, sender?.id]] : []));

const seeds = Array.from({ length: 300 }, (_, seed) => seed);

test('pages in any order, each of its own time, give the messages of today', () => {
  for (const seed of seeds) {
    const next = seeded(seed);
    const random: Random = (below) => Math.floor(next() * below);
    const log = conversationOf(random, 5 + random(30));
    const pages: ChatEvent[][] = [];
    for (let from = 0; from < log.length; ) {
      const to = from + 1 + random(6);
      // the page was read when there were so many; what came later has come by itself
      const top = to + random(log.length);
      pages.push(log.slice(from, to).map((each) => eventAt(each, log, top)));
      from = to;
    }
    const order = pages.map((page) => ({ page, at: next() })).sort((a, b) => a.at - b.at);
    const events = order.reduce<readonly ChatEvent[]>((before, { page }) => merged(before, page), []);
    const today = log.map((each) => eventAt(each, log, log.length));
    assert.deepEqual(shown(events), shown(today), `seed ${seed}`);
    assert.ok(events.every((_, i) => !isGapBefore(events, i, 0n)));
    const removed = new Set(log.filter(({ does }) => does === 'delete').map(({ target }) => target));
    const leftovers = events.filter(
      ({ what }) => what?.$case === 'edited' && removed.has(Number(what.value.targetSeq)) && what.value.content !== undefined,
    );
    assert.deepEqual(leftovers, [], `seed ${seed}: the text of a deleted message is nowhere`);
    assert.deepEqual(reactions(events), reactions(today), `seed ${seed}: an erased user has reacted to nothing`);
  }
});

test('a gap is where a number is missing, and nowhere else', () => {
  for (const seed of seeds) {
    const next = seeded(seed);
    const afterSeq = Math.floor(next() * 3);
    const all = Array.from({ length: 20 }, (_, i) => i + 1 + afterSeq);
    const has = all.filter(() => next() < 0.7);
    const events = has.map((seq) => ChatEvent.fromPartial({ seq: BigInt(seq) }));
    const gaps = has.filter((_, i) => isGapBefore(events, i, BigInt(afterSeq)));
    assert.deepEqual(
      gaps,
      has.filter((seq) => seq - 1 > afterSeq && !has.includes(seq - 1)),
      `seed ${seed}`,
    );
  }
});

test('the unread count is right after any state of the server, on a device that has read further, and after hiding', () => {
  for (const seed of seeds) {
    const next = seeded(seed);
    const random: Random = (below) => Math.floor(next() * below);
    const log = conversationOf(random, 5 + random(40));
    const asOf = random(log.length + 1);
    const readThere = random(asOf + 1);
    const readHere = next() < 0.5 ? 0 : readThere + random(log.length - readThere + 1);
    const hides = log.filter(({ does }) => does === 'message' && next() < 0.1).map(({ seq }) => seq);
    const unread = (top: number, read: number) =>
      log.filter(
        ({ seq, by, does }) =>
          does === 'message' &&
          by !== 'alice' &&
          seq > read &&
          seq <= top &&
          !hides.includes(seq) &&
          !log.some((each) => each.does === 'delete' && each.target === seq && each.seq <= top),
      ).length;
    const own = { readSeq: BigInt(readThere), asOfSeq: BigInt(asOf), unread: unread(asOf, readThere) };
    const came = log.map((each) => eventAt(each, log, each.seq + random(log.length)));
    const chatting: Chatting = {
      ...chattingOf,
      conversation: Conversation.fromPartial({ id: 'c', own }),
      events: hidden(merged([], came), hides.map(BigInt)),
      readSeq: BigInt(readHere),
    };
    assert.equal(unreadOf(chatting, 'alice'), unread(log.length, Math.max(readHere, readThere)), `seed ${seed}`);
  }
});
