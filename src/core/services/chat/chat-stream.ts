import type { ChatHello, ChatRequest, MarkReceivedRequest, PostRequest, Typing } from '../../../gen/portico/v1/chat.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Limiter } from '../../kit/concurrency-limiter.ts';
import { Fault } from '../../kit/fault.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { ChatEvent, ChatStore, Membership, SyncPoint } from '../../ports/chat.ts';
import type { Announced, ChatAnnouncements } from '../../ports/chat-announcements.ts';
import type { Log } from '../../ports/log.ts';
import { closeOf, isDefect, outcomeOf } from '../../streams/close-for-error.ts';
import type { Stream } from '../../streams/stream.ts';
import { type StreamHandler, userOf } from '../../streams/stream-service.ts';
import { canonicalId, canonicalIds } from './canonical-ids.ts';
import { type ChatActions, smallMax } from './chat-actions.ts';
import type { ConversationPresences } from './conversation-presence.ts';
import { conversationOut, encode, encodeEvents, entryIn, postedOut } from './encode-chat.ts';
import { lookingOf } from './looking.ts';
import type { PostOfUser } from './post-reviewed.ts';
import { syncPointOf, syncTokenOf } from './sync-token.ts';

/** What every chat stream of this replica uses. */
export type ChatParts = {
  readonly chat: ChatStore;
  readonly actions: ChatActions;
  readonly postOfUser: PostOfUser;
  readonly announcements: ChatAnnouncements;
  readonly presences: ConversationPresences;
  readonly recoveries: Limiter;
  readonly clock: Clock;
  readonly log: Log;
};

/** A conversation of the stream's user: what was sent of it, and what there is. */
type Open = { membership: Membership; sentSeq: number; topSeq: number; typedAtMs: number; stop(): void };

/** Events of one page; the most that a client gets of one conversation; and of one that it does not know. */
const page = { most: 100, gapMax: 1_000, newMax: 20 } as const;
const againMs = 1_000;
const typingEveryMs = 3_000;
/** Entries of one client that are being stored. */
const postsMax = 32;

/**
 * What one client is sent: everything after what it has, whether that is missing since an hour or since a moment. An
 * announcement is sent as it is where it follows directly and the client takes it; else the store is read, as fast as
 * the client takes it.
 */
export function chatStream(stream: Stream, call: ReadyCall, parts: ChatParts, hello: ChatHello): StreamHandler<ChatRequest> {
  const { chat, actions, postOfUser, announcements, recoveries, clock, log } = parts;
  const { userId, sessionId } = userOf(call);
  const device = hello.device || sessionId;
  const { signal } = stream;
  const open = new Map<string, Open>();
  const posts = new Set<Promise<void>>();
  let ownSeq = Number(hello.ownSeq);
  let ownTop = ownSeq;
  let positions = new Map(hello.positions.map(({ conversationId, seq, eventId }) => [canonicalId(conversationId), { seq: Number(seq), eventId }]));
  /** How often the memberships were to be read, and were: one worker reads them, and then missing events. */
  const reloads = { asked: 1, done: 0 };
  const mustReload = () => reloads.done < reloads.asked;
  let blocked: ReadonlySet<string> = new Set();
  let working = false;
  let begun = false;
  /** Read before all that is sent first: caught up, the client has everything to this moment. Undefined: not yet. */
  let caughtUpTo: { readonly point: SyncPoint | undefined } | undefined;

  const begin = (membership: Membership, sentSeq: number) => {
    const { id: conversationId, lastSeq } = membership.conversation;
    const listener = {
      onAnnounced: (announced: Announced) => onEvents(conversationId, announced),
      onTop: (seq: number) => rise(conversationId, seq),
    };
    const joined: Open = { membership, sentSeq, topSeq: lastSeq, typedAtMs: Number.NEGATIVE_INFINITY, stop: () => {} };
    open.set(conversationId, joined);
    joined.stop = announcements.follow({ conversationId }, listener);
  };
  const leave = (conversationId: string) => {
    open.get(conversationId)?.stop();
    if (open.delete(conversationId)) stream.out.send(encode({ $case: 'left', value: { conversationId } }), 0);
  };
  const rise = (conversationId: string, seq: number) => {
    const joined = open.get(conversationId);
    if (joined === undefined || seq <= joined.topSeq) return;
    joined.topSeq = seq;
    void work();
  };
  const onEvents = (conversationId: string, { seqs, left = [], except, about, by = [], message }: Announced) => {
    const joined = open.get(conversationId);
    if (joined === undefined) return;
    if (left.includes(userId)) return leave(conversationId);
    if (seqs === undefined) {
      if (except !== userId && !by.some((user) => blocked.has(user)) && stream.out.hasRoom()) stream.out.send(message, 0);
      return;
    }
    const [first, last] = seqs;
    const { afterSeq, hides } = joined.membership;
    // about an earlier message: whoever may not see all of them reads what of it is shown
    const seesAbout = about === undefined || (about > afterSeq && !hides && blocked.size === 0);
    const isWhole = message.length > 0 && !by.some((user) => blocked.has(user)) && seesAbout;
    if (mustReload() || first !== joined.sentSeq + 1 || !isWhole || !stream.out.hasRoom()) return rise(conversationId, last);
    joined.sentSeq = last;
    joined.topSeq = Math.max(joined.topSeq, last);
    stream.out.send(message, last - first + 1);
  };
  const readAgain = () => {
    reloads.asked++;
    void work();
  };
  const unfollow = announcements.follow(
    { userId },
    {
      onAnnounced: ({ seqs, hidesIn = '', message }) => {
        const hiding = open.get(hidesIn);
        if (hiding !== undefined) hiding.membership = { ...hiding.membership, hides: true };
        if (seqs === undefined || mustReload() || seqs[0] > ownSeq + 1) return readAgain();
        if (seqs[1] <= ownSeq) return;
        ownSeq = seqs[1];
        stream.out.send(message, 0);
      },
      onTop: (seq) => {
        ownTop = Math.max(ownTop, seq);
        void work();
      },
    },
  );

  /** The moment of a token is a position in each conversation that the client does not name. */
  const beginSync = async (): Promise<SyncPoint | undefined> => {
    const point = await chat.syncPoint(userId);
    if (hello.syncToken === '') return point;
    const known = await chat.since(userId, syncPointOf(hello.syncToken), { ownSeq, gapMax: page.gapMax });
    if (known === undefined) {
      stream.out.send(encode({ $case: 'syncReset', value: {} }), 0);
      positions.clear();
      ownSeq = 0;
    } else
      for (const [id, seq] of [...known.positions, ...known.left.map((id) => [id, 0] as const)])
        if (!positions.has(id)) positions.set(id, { seq, eventId: '' });
    return point;
  };
  const readMemberships = async () => {
    const { asked } = reloads;
    caughtUpTo ??= { point: await beginSync() };
    const { users } = await chat.tops([], [userId]);
    blocked = await chat.blocked(userId);
    const memberships = await chat.joined(userId, ownSeq === 0 ? {} : { hiddenAfter: ownSeq });
    const foreign = new Set(await chat.foreign(positions));
    const now = new Map(memberships.map((membership) => [membership.conversation.id, membership]));
    for (const id of new Set([...open.keys(), ...positions.keys()])) {
      if (now.has(id)) continue;
      if (open.has(id)) leave(id);
      else stream.out.send(encode({ $case: 'left', value: { conversationId: id } }), 0);
    }
    for (const [id, membership] of now) {
      const joined = open.get(id);
      const reset = foreign.has(id);
      const position = reset ? undefined : positions.get(id);
      if (joined !== undefined) joined.membership = membership;
      if (membership.ownSeq > ownSeq || (joined === undefined && position === undefined))
        stream.out.send(encode({ $case: 'conversation', value: { conversation: conversationOut(membership), reset } }), 0);
      const { lastSeq } = membership.conversation;
      if (joined === undefined) begin(membership, Math.max(membership.afterSeq, position?.seq ?? lastSeq - page.newMax));
      else joined.topSeq = Math.max(joined.topSeq, lastSeq);
    }
    ownSeq = Math.max(ownSeq, users.get(userId) ?? 0);
    positions = new Map(); // what it had is taken up
    reloads.done = asked;
  };
  const sendPage = async (behind: ReadonlyMap<string, Open>) => {
    await untilCalled(signal, (callback) => stream.out.onRoom(callback));
    const tops = new Map([...behind].map(([id, { topSeq }]) => [id, topSeq]));
    const from = new Map([...behind].map(([id, { sentSeq }]) => [id, sentSeq]));
    const events = await recoveries(() => chat.missing(userId, from, page), signal);
    if (signal.aborted) return;
    const groups = Map.groupBy(events, ({ conversationId }) => conversationId);
    for (const [id, group] of groups) {
      await untilCalled(signal, (callback) => stream.out.onRoom(callback)); // a page may be larger than what may wait
      sendEvents(id, group);
    }
    const unfinished = events.length < page.most ? undefined : events.at(-1)?.conversationId;
    for (const [id, topSeq] of tops) {
      if (id === unfinished) break; // this one, and those after it, are for the next page
      const joined = open.get(id);
      if (joined === undefined || joined.sentSeq >= topSeq) continue;
      joined.sentSeq = topSeq; // the rest is not there for this user: perhaps the membership has ended
      reloads.asked++;
    }
  };
  const sendEvents = (conversationId: string, group: readonly ChatEvent[]) => {
    const joined = open.get(conversationId);
    const events = joined === undefined ? [] : group.filter(({ seq }) => seq > joined.sentSeq); // others were announced meanwhile
    const last = events.at(-1);
    if (joined === undefined || last === undefined) return;
    joined.sentSeq = last.seq;
    joined.topSeq = Math.max(joined.topSeq, last.seq);
    stream.out.send(encodeEvents(conversationId, events), events.length);
  };
  /** Until nothing is to be done. It tries again while the database is unavailable. */
  const work = async (): Promise<void> => {
    if (working) return;
    working = true;
    while (!signal.aborted) {
      try {
        const behind = new Map([...open].filter(([, { sentSeq, topSeq }]) => sentSeq < topSeq));
        if (mustReload() || ownTop > ownSeq) await readMemberships();
        else if (behind.size > 0) await sendPage(behind);
        else if (begun) break;
        else {
          begun = true;
          const syncToken = caughtUpTo?.point === undefined ? '' : syncTokenOf(caughtUpTo.point);
          stream.whenAcknowledged(() => stream.out.send(encode({ $case: 'caughtUp', value: { syncToken } }), 0));
        }
      } catch (error) {
        if (signal.aborted) break;
        if (isDefect(error)) log.error('A chat stream failed by a defect.', { error });
        if (!(error instanceof Fault && error.reason === 'STORAGE_DOWN')) return stream.close(closeOf(error));
        reloads.asked++;
        await pause(clock, againMs, signal);
      }
    }
    working = false;
  };

  const post = async ({ conversationId, entry }: PostRequest) => {
    if (entry === undefined) return;
    const { value: appended, ...refusal } = await outcomeOf(postOfUser(conversationId, entryIn(entry, { kind: 'user', id: userId }), call), (error) =>
      log.error('A message was not stored by a defect.', { error }),
    );
    const answer = { posted: appended && postedOut(appended), ...refusal };
    stream.out.send(encode({ $case: 'posted', value: { conversationId, clientId: entry.clientId, ...answer } }), 0);
  };
  const postSome = async (request: PostRequest) => {
    const posting = post(request).finally(() => posts.delete(posting));
    posts.add(posting);
    if (posts.size >= postsMax) await Promise.race(posts);
  };
  const receive = async ({ conversationId, deliveredSeq, readSeq }: MarkReceivedRequest) => {
    const receipt = { conversationId, userId, device, deliveredSeq: Number(deliveredSeq), readSeq: Number(readSeq) };
    await actions.receive(receipt).catch((error: unknown) => {
      if (isDefect(error)) log.error('A receipt was not stored by a defect.', { error }); // the next one says the same
    });
  };
  const typing = ({ conversationId }: Typing) => {
    const joined = open.get(conversationId);
    const nowMs = clock.monotonicMs();
    if (joined === undefined || joined.membership.conversation.membersCount > smallMax || nowMs - joined.typedAtMs < typingEveryMs) return;
    joined.typedAtMs = nowMs;
    announcements.announce(
      { conversationId },
      { except: userId, by: [userId], message: encode({ $case: 'typing', value: { conversationId, userId } }) },
    );
  };
  const looking = lookingOf(stream, userId, parts);
  void work();
  return {
    handle: async (message) => {
      switch (message.$case) {
        case 'post':
          return postSome(canonicalIds(message.value));
        case 'received':
          return receive(canonicalIds(message.value));
        case 'looking':
          return looking.look(message.value);
        case 'typing':
          return typing(canonicalIds(message.value));
        default:
          return stream.handle(message);
      }
    },
    renewed: () => {}, // the user stays the same
    close: () => {
      looking.close();
      unfollow();
      for (const { stop } of open.values()) stop();
      open.clear();
    },
  };
}
