import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { queryInTime } from '../../kit/query-in-time.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import { messageBytesMax } from '../../ports/bus-limits.ts';
import type { ChatStore } from '../../ports/chat.ts';
import { type Announced, type ChatAnnouncements, type ChatListener, type ChatSubject, conversationTemplate } from '../../ports/chat-announcements.ts';
import type { Log } from '../../ports/log.ts';
import { linksMax, type ShortSpans } from '../../ports/short-spans.ts';
import { type AnnouncedNumbers, announcedNumbers } from './announced-numbers.ts';

export type AnnouncementParts = {
  readonly bus: Bus;
  readonly chat: Pick<ChatStore, 'tops' | 'databaseRun'>;
  readonly spans: ShortSpans;
  readonly clock: Clock;
  readonly log: Log;
  /** This process: a name that no other has. */
  readonly replica: string;
  /** The interval of looks for what was lost without trace. Milliseconds. */
  readonly lookMs?: number;
};

type Followed = {
  readonly subject: ChatSubject;
  readonly listeners: Set<ChatListener>;
  readonly leaving: AbortController;
  readonly numbers: AnnouncedNumbers;
  doubtedMs: number;
  /** What came since an announcement that may be of a restored database. Undefined: there is no such doubt. */
  withheld: Received[] | undefined;
};

type DatabaseRun = Awaited<ReturnType<ChatStore['databaseRun']>>;
/** An announcement, and an id that no other one has. One by a replica of an older release has none. */
type Received = Announced & { readonly id?: string };

/** Subjects in one query, and the time after which a query that failed is made again. Milliseconds. */
const subjectsMax = 1_000;
const againMs = 1_000;
/** Announcements of a subject that wait for the database: what is beyond that is read from it. */
const withheldMax = 32;

/** Announcements on the bus: one topic for each conversation and each user. */
export function busAnnouncements({ bus, chat, spans, clock, log, replica, lookMs = 40_000 }: AnnouncementParts): ChatAnnouncements {
  const followed = new Map<string, Followed>();
  /** Topics whose newest number is to be read. */
  const unread = new Set<string>();
  let reading = false;
  let closed = false;
  let cancel = () => {};
  /** As it was when it was last read: a fail-over or a restore may have lost what was announced. */
  let databaseRun: DatabaseRun | undefined;
  let announcedCount = 0;

  const checkDatabase = async () => {
    const run = await queryInTime(clock, chat.databaseRun());
    const isReplaced = databaseRun !== undefined && isOther(run, databaseRun);
    databaseRun = run;
    if (isReplaced) replaced();
  };
  const replaced = () => {
    for (const [topic, one] of followed) {
      one.numbers.forget();
      one.withheld = undefined;
      look(topic);
    }
    for (const topic of [...followed.keys()]) endStreams(topic);
  };
  const endStreams = (topic: string) => deliver(topic, (listener) => listener.onReplaced?.());
  /** Two changes of a user at once may be announced with the number of the later one: it proves nothing. */
  const note = ({ numbers, subject }: Followed, { seqs, id }: Received) => seqs && numbers.note(seqs, 'userId' in subject ? undefined : id);
  const doubt = (topic: string, one: Followed, noted: 'late' | 'unproven') => {
    const nowMs = clock.monotonicMs();
    if (nowMs - one.doubtedMs < againMs) return;
    one.doubtedMs = nowMs;
    look(topic);
    if (noted === 'unproven') one.withheld ??= [];
  };
  const withhold = (topic: string, withheld: Received[], announced: Received) => {
    if (withheld.length < withheldMax) withheld.push(announced);
    else look(topic);
  };
  /** One query. */
  const readSome = async () => {
    await checkDatabase(); // before each: what came since the last one may be of a restored database
    const topics = [...unread].slice(0, subjectsMax);
    for (const topic of topics) unread.delete(topic);
    const asked = topics.flatMap((topic) => {
      const one = followed.get(topic);
      return one === undefined ? [] : [{ topic, one, expected: one.numbers.newest(), withheld: one.withheld }];
    });
    const ids = asked.flatMap(({ one: { subject } }) => ('conversationId' in subject ? [subject.conversationId] : []));
    const userIds = asked.flatMap(({ one: { subject } }) => ('userId' in subject ? [subject.userId] : []));
    try {
      const found = await queryInTime(clock, chat.tops(ids, userIds));
      const topOf = (subject: ChatSubject) =>
        'userId' in subject ? found.users.get(subject.userId) : found.conversations.get(subject.conversationId);
      const tops = asked.flatMap(({ topic, one, expected }) => {
        const top = topOf(one.subject);
        return top === undefined ? [] : [{ topic, one, top, isLacking: one.numbers.compare(top, expected) }];
      });
      const lacking = tops.filter(({ isLacking }) => isLacking);
      // the numbers of a user begin anew after an erasure
      if (lacking.some(({ one }) => 'conversationId' in one.subject)) replaced();
      else for (const { topic } of lacking) endStreams(topic);
      for (const { topic, one, withheld } of asked) if (withheld !== undefined && one.withheld === withheld) release(topic, one, withheld);
      for (const { topic, top } of tops) deliver(topic, (listener) => listener.onTop(top));
    } catch (error) {
      for (const topic of topics) unread.add(topic);
      throw error;
    }
  };
  const release = (topic: string, one: Followed, withheld: readonly Received[]) => {
    one.withheld = undefined;
    for (const announced of withheld) pass(topic, announced);
  };
  const read = async () => {
    if (reading || closed) return;
    reading = true;
    try {
      while (unread.size > 0) await readSome();
    } catch (error) {
      if (!(error instanceof Fault) && !closed) log.error('The newest events of conversations could not be read.', { error });
      if (!closed) clock.after(againMs, soon);
    } finally {
      reading = false;
    }
  };
  const soon = () => void read();
  const look = (topic: string) => {
    if (unread.size === 0) setImmediate(soon); // all that one moment has brought is one query
    unread.add(topic);
  };
  const lookAtAll = () => {
    for (const topic of followed.keys()) look(topic);
    cancel = clock.after(lookMs, lookAtAll);
  };
  cancel = clock.after(lookMs, lookAtAll);

  const deliver = (topic: string, call: (listener: ChatListener) => void) => {
    for (const listener of [...(followed.get(topic)?.listeners ?? [])]) call(listener);
  };
  const receive = (topic: string, announced: Received) => {
    const one = followed.get(topic);
    const noted = one && note(one, announced);
    if (noted === 'foreign') {
      databaseRun = undefined; // that it is another one says nothing new about the streams that follow
      return replaced();
    }
    if (one !== undefined && (noted === 'late' || noted === 'unproven')) doubt(topic, one, noted);
    if (one?.withheld === undefined) pass(topic, announced);
    else withhold(topic, one.withheld, announced);
  };
  const pass = (topic: string, announced: Received) => {
    const { origins, seqs } = announced;
    const beganMs = origins === undefined ? 0 : clock.monotonicMs();
    deliver(topic, (listener) => listener.onAnnounced(announced));
    if (origins === undefined) return;
    const listeners = [...(followed.get(topic)?.listeners ?? [])];
    const durationMs = clock.monotonicMs() - beganMs;
    spans.delivered({
      name: 'deliver conversation',
      destination: conversationTemplate,
      origins,
      streams: listeners.slice(0, linksMax.streams).flatMap(({ span }) => span ?? []),
      events: seqs === undefined ? 1 : seqs[1] - seqs[0] + 1,
      followers: listeners.length,
      startedAtMs: clock.nowMs() - durationMs,
      durationMs,
    });
  };
  const begin = (topic: string, subject: ChatSubject): Followed => {
    const begun = {
      subject,
      listeners: new Set<ChatListener>(),
      leaving: new AbortController(),
      numbers: announcedNumbers(),
      doubtedMs: Number.NEGATIVE_INFINITY,
      withheld: undefined,
    };
    followed.set(topic, begun);
    const onMessage = (bytes: Uint8Array) => {
      const { from, ...announced } = decode(bytes);
      if (from !== replica) receive(topic, announced);
    };
    const { signal } = begun.leaving;
    bus.subscribe(topic, { onMessage, onGap: () => look(topic) }, signal).then(
      (subscription) => {
        if (signal.aborted) return subscription.close();
        signal.addEventListener('abort', () => subscription.close(), { once: true });
        look(topic);
      },
      () => {}, // ended only by leaving
    );
    return begun;
  };
  return {
    announce: (subject, announced) => {
      const identified = { ...announced, id: `${replica}.${announcedCount++}` };
      receive(topicOf(subject), identified);
      bus.publish(topicOf(subject), encode(identified, replica)).catch((error: unknown) => {
        if (!(error instanceof StoreDown)) log.error('A change of a conversation could not be announced.', { error });
      });
    },
    follow: (subject, listener) => {
      const topic = topicOf(subject);
      const current = followed.get(topic) ?? begin(topic, subject);
      current.listeners.add(listener);
      look(topic);
      return () => {
        if (!current.listeners.delete(listener) || current.listeners.size > 0) return;
        followed.delete(topic);
        current.leaving.abort();
      };
    },
    close: () => {
      closed = true;
      cancel();
      for (const { leaving } of followed.values()) leaving.abort();
      followed.clear();
    },
  };
}

function isOther(one: DatabaseRun, two: DatabaseRun): boolean {
  const saysBoth = one.databaseId !== undefined && two.databaseId !== undefined;
  return one.startedAt !== two.startedAt || (saysBoth && one.databaseId !== two.databaseId);
}

function topicOf(subject: ChatSubject): string {
  return 'userId' in subject ? `chat.u:${subject.userId}` : `chat.c:${subject.conversationId}`;
}

/** A line of JSON, and after it the message; without the message where the bus would not carry it. */
function encode({ message, ...head }: Received, from: string): Uint8Array {
  const line = Buffer.from(`${JSON.stringify({ ...head, from })}\n`);
  return line.length + message.length > messageBytesMax ? line : Buffer.concat([line, message]);
}

function decode(bytes: Uint8Array): Received & { readonly from: string } {
  const all = Buffer.from(bytes); // a copy: `bytes` is valid only now
  const end = all.indexOf(10);
  return { ...(JSON.parse(all.subarray(0, end).toString()) as Omit<Received, 'message'> & { from: string }), message: all.subarray(end + 1) };
}
