import type { ChatHello } from '../../../gen/portico/v1/chat.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Limiter } from '../../kit/concurrency-limiter.ts';
import { Fault } from '../../kit/fault.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import type { ChatEvent, ChatStore, MemberPlace, Membership, OwnChange } from '../../ports/chat.ts';
import { type Announced, type ChatAnnouncements, conversationTemplate } from '../../ports/chat-announcements.ts';
import { hiddenMax } from '../../ports/chat-limits.ts';
import type { Log } from '../../ports/log.ts';
import type { ShortSpan, SpanContext } from '../../ports/short-spans.ts';
import { closeFor, closeOf, isDefect } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { conversationOut, encode, encodeEvents } from './encode-chat.ts';
import { readSyncStart, type SyncStart, syncedMax, syncTokenOf } from './resume-chat.ts';

export type DeliverParts = {
  /** Of the stream's call. */
  readonly span?: SpanContext;
  /** Ended when the client was sent all that it lacked, or when that has failed. */
  readonly subscribing?: ShortSpan | undefined;
  readonly chat: ChatStore;
  readonly announcements: ChatAnnouncements;
  readonly recoveries: Limiter;
  readonly clock: Clock;
  readonly log: Log;
};

/** A conversation of the stream's user: what was sent of it, and what there is. */
export type Delivered = { readonly afterSeq: number; hides: boolean; membersCount: number; sentSeq: number; topSeq: number; stop(): void };

export type Delivery = {
  /** Undefined: the user is no member, as far as this stream knows. */
  conversation(conversationId: string): Delivered | undefined;
  close(): void;
};

type Start = Pick<SyncStart, 'point' | 'ownSeq' | 'knownXid'>;

/** Events of one page, and states of one: a state has what is unread and hidden in it. */
const eventsMax = 100;
const statesMax = 50;
const againMs = 1_000;

/**
 * What one client is sent: everything after what it has, whether that is missing since an hour or since a moment. An
 * announcement is sent as it is where it follows directly and the client takes it; else the store is read, as fast as
 * the client takes it.
 *
 * One worker reads. Own changes come first, in their order, so that the client has all up to the largest number that
 * it has; then events. What an announcement says of a membership is read again before anything live follows.
 */
export function deliverChat(stream: Stream, userId: string, hello: ChatHello, parts: DeliverParts): Delivery {
  const { chat, announcements, span, subscribing, recoveries, clock, log } = parts;
  const { signal, out } = stream;
  const open = new Map<string, Delivered>();
  let start: Start | undefined;
  const lacking = { left: [] as string[], unknown: [] as string[], resets: new Set<string>() };
  /** Own changes: sent up to `seq`; `settled` when the last reading was done; `top` is the newest one that is known. */
  const own = { seq: 0, settled: 0, top: 0 };
  /** How often own changes were to be read, and were. */
  const reads = { asked: 1, done: 0 };
  const mustRead = () => start === undefined || reads.done < reads.asked;
  let blocked: ReadonlySet<string> = new Set();
  let working = false;
  let caughtUp = false;

  const room = async () => {
    await untilCalled(signal, (callback) => out.onRoom(callback));
    signal.throwIfAborted();
  };
  const recover = async <T>(read: () => Promise<T>): Promise<T> => {
    const found = await recoveries(read, signal);
    signal.throwIfAborted(); // what is opened now, nobody would close
    return found;
  };
  const sendState = (membership: Membership, reset: boolean) =>
    out.send(encode({ $case: 'conversation', value: { conversation: conversationOut(membership), reset } }), 0);

  const enter = ({ conversationId, afterSeq, hides, membersCount, lastSeq }: MemberPlace, sentSeq: number): Delivered => {
    const entered: Delivered = { afterSeq, hides, membersCount, sentSeq, topSeq: lastSeq, stop: () => {} };
    open.set(conversationId, entered);
    entered.stop = announcements.follow(
      { conversationId },
      { ...(span && { span }), onAnnounced: (announced) => onEvents(conversationId, announced), onTop: (seq) => rise(conversationId, seq) },
    );
    return entered;
  };
  const leave = (conversationId: string) => {
    open.get(conversationId)?.stop();
    open.delete(conversationId);
    out.send(encode({ $case: 'left', value: { conversationId } }), 0);
  };
  const rise = (conversationId: string, seq: number) => {
    const joined = open.get(conversationId);
    if (joined === undefined || seq <= joined.topSeq) return;
    joined.topSeq = seq;
    void work();
  };
  const readAgain = () => {
    reads.asked++;
    void work();
  };
  const onEvents = (conversationId: string, { seqs, left = [], except, notFor = [], about, by = [], message }: Announced) => {
    const joined = open.get(conversationId);
    if (joined === undefined) return;
    const isBlocked = by.some((user) => blocked.has(user));
    if (seqs === undefined) {
      if (except !== userId && !notFor.includes(userId) && !isBlocked && out.hasRoom()) out.send(message, 0);
      return;
    }
    const [first, last] = seqs;
    const { afterSeq, hides } = joined;
    if (left.includes(userId) && first > afterSeq) {
      leave(conversationId); // an older one is the end of an earlier membership
      return readAgain();
    }
    // about an earlier message: whoever may not see all of them reads what of it is shown
    const seesAbout = about === undefined || (about > afterSeq && !hides && blocked.size === 0);
    const isWhole = message.length > 0 && !isBlocked && seesAbout;
    if (mustRead() || first !== joined.sentSeq + 1 || !isWhole || !out.hasRoom()) return rise(conversationId, last);
    joined.sentSeq = last;
    joined.topSeq = Math.max(joined.topSeq, last);
    out.send(message, last - first + 1);
  };
  const onOwn = ({ seqs, own: change, message }: Announced) => {
    const joined = change && open.get(change.conversationId);
    if (joined !== undefined && change?.hides === true) joined.hides = true;
    if (seqs === undefined || mustRead() || seqs[0] > own.seq + 1) return readAgain();
    if (seqs[1] <= own.seq) return;
    if (joined === undefined || message.length === 0 || !out.hasRoom()) return readAgain(); // it may be of a membership that has ended
    own.seq = seqs[1];
    own.settled = own.seq;
    out.send(message, 0);
  };
  const unfollow = announcements.follow(
    { userId },
    {
      onAnnounced: onOwn,
      onTop: (seq) => {
        own.top = Math.max(own.top, seq);
        void work();
      },
      onReplaced: () => stream.close(replaced()),
    },
  );

  const begin = async () => {
    const found = await recover(() => readSyncStart(chat, userId, hello));
    const { point, knownXid } = found;
    start = { point, knownXid, ownSeq: found.ownSeq }; // the list of conversations is not kept
    own.seq = found.ownSeq;
    own.settled = found.ownSeq;
    lacking.left = [...found.left];
    lacking.unknown = [...found.unknown];
    lacking.resets = new Set(found.resets);
    if (found.startsOver) out.send(encode({ $case: 'syncReset', value: {} }), 0);
    for (const { place, sentSeq } of found.places) enter(place, sentSeq);
  };
  /** The first pages: what the client does not know, however old. What changes meanwhile comes in its own order. */
  const sendLacking = async ({ ownSeq }: Start) => {
    for (let id = lacking.left.pop(); id !== undefined; id = lacking.left.pop()) {
      await room();
      leave(id);
    }
    const ids = lacking.unknown.slice(0, statesMax);
    const memberships = ids.length === 0 ? [] : await recover(() => chat.joined(userId, { ids }));
    for (const membership of memberships) {
      await room();
      const { id } = membership.conversation;
      if (membership.ownSeq <= ownSeq && open.has(id)) sendState(membership, lacking.resets.delete(id));
    }
    lacking.unknown = lacking.unknown.slice(ids.length);
  };
  const readOwnChanges = async ({ ownSeq, knownXid }: Start) => {
    const { asked, done } = reads;
    const expected = Math.max(own.seq, own.top);
    const { users } = await chat.tops([], [userId]);
    blocked = await chat.blocked(userId);
    const top = users.get(userId) ?? 0;
    if (top < expected) return stream.close(replaced());
    // a client without anything knows no membership that has ended
    const atFirst = { endedSince: knownXid ?? (ownSeq > 0 ? 0n : undefined), hiddenSince: { xid: knownXid ?? 0n } };
    const lacks = done === 0 ? atFirst : { endedSince: 0n, hiddenSince: { ownSeq: own.settled } };
    for (let isFull = true; isFull; ) {
      const changes = await recover(() => chat.ownChanges(userId, { after: own.seq, most: statesMax, ...lacks }));
      for (const change of changes) {
        await room();
        apply(change);
        own.seq = change.ownSeq;
      }
      isFull = changes.length === statesMax;
    }
    own.seq = Math.max(own.seq, top);
    own.settled = own.seq;
    reads.done = asked;
  };
  const apply = ({ isLeft, ...membership }: OwnChange) => {
    const { conversation, afterSeq, hides, hiddenSeqs, blocksSeq } = membership;
    const { id, lastSeq, membersCount } = conversation;
    const known = open.get(id);
    if (isLeft && known === undefined && reads.done > 0) return; // said when it was announced; at first, the client may know it
    if (isLeft || (known !== undefined && known.afterSeq < afterSeq)) leave(id); // perhaps to come back
    if (isLeft) return;
    const end = Math.max(afterSeq, lastSeq - syncedMax.newMax);
    const joined =
      open.get(id) ??
      enter({ conversationId: id, afterSeq, lastSeq, membersCount, ownSeq: membership.ownSeq, hides, expiredSeq: conversation.expiredSeq }, end);
    Object.assign(joined, { hides, membersCount, topSeq: Math.max(joined.topSeq, lastSeq) });
    const isTooMuch = hiddenSeqs.length > hiddenMax;
    const isOther = isTooMuch || (known !== undefined && blocksSeq > own.settled); // what the client has is hidden, or was
    if (isOther) joined.sentSeq = end;
    const reset = lacking.resets.delete(id) || isOther;
    sendState(isTooMuch ? { ...membership, hiddenSeqs: [] } : membership, reset);
  };
  const sendPage = async (behind: ReadonlyMap<string, Delivered>) => {
    await room();
    const tops = new Map([...behind].map(([id, { topSeq }]) => [id, topSeq]));
    const from = new Map([...behind].map(([id, { sentSeq }]) => [id, sentSeq]));
    const events = await recover(() => chat.missing(userId, from, { most: eventsMax, gapMax: syncedMax.gapMax }));
    for (const [id, group] of Map.groupBy(events, ({ conversationId }) => conversationId)) {
      await room(); // a page may be larger than what may wait
      sendEvents(id, group);
    }
    const unfinished = events.length < eventsMax ? undefined : events.at(-1)?.conversationId;
    for (const [id, topSeq] of tops) {
      if (id === unfinished) break; // this one, and those after it, are for the next page
      const joined = open.get(id);
      if (joined === undefined || joined.sentSeq >= topSeq) continue;
      joined.sentSeq = topSeq; // the rest is not there for this user: perhaps the membership has ended
      reads.asked++;
    }
  };
  const sendEvents = (conversationId: string, group: readonly ChatEvent[]) => {
    const joined = open.get(conversationId);
    const events = joined === undefined ? [] : group.filter(({ seq }) => seq > joined.sentSeq); // others were announced meanwhile
    const last = events.at(-1);
    if (joined === undefined || last === undefined) return;
    joined.sentSeq = last.seq;
    joined.topSeq = Math.max(joined.topSeq, last.seq);
    out.send(encodeEvents(conversationId, events), events.length);
  };
  const sayCaughtUp = async ({ point }: Start) => {
    caughtUp = true;
    subscribing?.end({ 'messaging.destination.template': conversationTemplate, 'portico.conversations': open.size });
    const syncToken = point === undefined ? '' : syncTokenOf(point);
    stream.whenAcknowledged(() => out.send(encode({ $case: 'caughtUp', value: { syncToken } }), 0));
  };
  /** Undefined: there is nothing to do. No promise stands between this and the end of the work. */
  const nextWork = (): Promise<void> | undefined => {
    if (start === undefined) return begin();
    if (lacking.left.length > 0 || lacking.unknown.length > 0) return sendLacking(start);
    if (mustRead() || own.top > own.seq) return readOwnChanges(start);
    const behind = new Map([...open].filter(([, { sentSeq, topSeq }]) => sentSeq < topSeq));
    if (behind.size > 0) return sendPage(behind);
    return caughtUp ? undefined : sayCaughtUp(start);
  };
  /** Until nothing is to be done. It tries again while the database is unavailable. */
  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    while (!signal.aborted) {
      try {
        const next = nextWork();
        if (next === undefined) break; // at once: what is announced from now on begins the work anew
        await next;
      } catch (error) {
        if (signal.aborted) break;
        if (isDefect(error)) log.error('A chat stream failed by a defect.', { error });
        if (!(error instanceof Fault && error.reason === 'STORAGE_DOWN')) {
          subscribing?.end({}, closeOf(error).reason);
          return stream.close(closeOf(error));
        }
        reads.asked++;
        await pause(clock, againMs, signal);
      }
    }
    working = false;
  };
  void work();
  return {
    conversation: (conversationId) => open.get(conversationId),
    close: () => {
      subscribing?.end({}, 'CANCELLED'); // only counts if it was not caught up
      unfollow();
      for (const { stop } of open.values()) stop();
      open.clear();
    },
  };
}

/** The client names what it has on its next stream: what of that is lost is found there. */
const replaced = () => closeFor('STORAGE_DOWN', 'The database was replaced: say hello again.');
