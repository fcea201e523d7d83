// One client of several topics: that of src/client, and what it was notified of, compared with what was published.

import { type Live, openLive } from '../../../src/client/live/live.ts';
import type { Notice } from '../../../src/client/live/state.ts';
import type { Session } from '../../../src/client/session.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { type H2LiveParts, h2Live } from '../../support/client/h2-live.ts';
import type { Published } from './publishers.ts';

export type ListenerParts = Omit<H2LiveParts, 'device'> & {
  readonly name: string;
  readonly token: string;
  readonly topics: readonly string[];
  readonly random: () => number;
  readonly heartbeatMs: number;
  readonly onSnapshot?: (payload: Uint8Array) => void;
};

export type Listener = {
  readonly live: Live;
  /** Events of all topics. */
  readonly received: () => number;
  /** How often it was notified that events may be missing, and how often that it has got all that it missed. */
  readonly lost: () => number;
  readonly recovered: () => number;
  /** Whether it stands at the end of every log. */
  isAtEnd(published: ReadonlyMap<string, Published>): boolean;
  /** @returns what it missed or got wrong without notice, and where it does not stand at the end */
  problems(published: ReadonlyMap<string, Published>): readonly string[];
};

/** In a history: it was notified, and what follows is behind this offset. Otherwise the number of an event. */
type Entry = number | { readonly lostUpTo: number };
type History = { readonly entries: Entry[]; began: boolean; offset: number };

export function openListener({ name, token, topics, random, heartbeatMs, onSnapshot = () => {}, ...connection }: ListenerParts): Listener {
  const found: string[] = [];
  const histories = new Map(topics.map((topic): [string, History] => [topic, { entries: [], began: false, offset: 0 }]));
  let [received, lost, recovered] = [0, 0, 0];
  const onNotice = (notice: Notice) => {
    if (notice.kind === 'refused') found.push(`${name}: it was refused: ${notice.reason}`);
    if (notice.kind === 'topicClosed' && !notice.comesBack) found.push(`${name}: ${notice.topic} was closed: ${notice.reason}`);
    if (notice.kind === 'startOver') found.push(`${name}: it had to start over`);
    if (notice.kind === 'snapshot') onSnapshot(notice.payload);
    if (notice.kind !== 'subscribed' && notice.kind !== 'event') return;
    const history = histories.get(notice.topic) as History;
    if (notice.kind === 'event') {
      const offset = Number(notice.event.offset);
      if (offset !== history.offset + 1) found.push(`${name}: after offset ${history.offset} of ${notice.topic} came ${offset}`);
      history.entries.push(Number(new TextDecoder().decode(notice.event.payload)));
      history.offset = offset;
      received++;
      return;
    }
    if (notice.recovered && !history.began) found.push(`${name}: it was recovered from no position`);
    if (notice.recovered) recovered++;
    else {
      if (history.began) lost++;
      history.offset = Number(live.state.topics.get(notice.topic)?.position?.offset ?? 0n);
      history.entries.push({ lostUpTo: history.offset });
    }
    history.began = true;
  };
  const transport = h2Live({ ...connection, device: name });
  const live = openLive({ transport, session: fixedSession(token), clock: systemClock, random, headers: {}, onNotice });
  live.dispatch({ type: 'pace', intervalMs: heartbeatMs });
  for (const topic of topics) live.dispatch({ type: 'subscribe', topic });
  live.dispatch({ type: 'start' });
  const last = (topic: string) => {
    const { entries, offset } = histories.get(topic) as History;
    return { entry: entries.at(-1), offset };
  };
  /** Whether it has the last event of a log, or was notified of its loss. */
  const standsAtEnd = (topic: string, { log }: Published) => {
    const { entry, offset } = last(topic);
    return offset === log.length && (typeof entry === 'object' || entry === log.at(-1));
  };
  return {
    live,
    received: () => received,
    lost: () => lost,
    recovered: () => recovered,
    isAtEnd: (published) => topics.every((topic) => standsAtEnd(topic, published.get(topic) as Published)),
    problems: (published) => [
      ...found,
      ...topics.flatMap((topic) => {
        const all = published.get(topic) as Published;
        const { entry, offset } = last(topic);
        const end = `${typeof entry === 'number' ? entry : 'a loss'} at offset ${offset}`;
        const missed = missedIn((histories.get(topic) as History).entries, all).map((what) => `${name}: ${topic}: ${what}`);
        return standsAtEnd(topic, all) ? missed : [...missed, `${name}: ${topic} ended with ${end}, not ${all.log.at(-1)} at ${all.log.length}`];
      }),
    ],
  };
}

/** A session with one token. */
export function fixedSession(token: string): Session {
  return { signIn: async () => {}, signOut: async () => {}, userId: async () => '', accessToken: async () => token, renew: async () => token };
}

/**
 * Events follow each other as they were published, or as they do in the log: one that lost its end is continued with
 * what was published later. After a notice anything may follow.
 */
function missedIn(entries: readonly Entry[], { before }: Published): readonly string[] {
  const missed: string[] = [];
  let last: Entry | undefined;
  for (const entry of entries) {
    if (typeof entry === 'number') {
      if (before[entry] === undefined) missed.push(`${entry} was never published`);
      else if (typeof last === 'number' && last !== entry - 1 && last !== before[entry])
        missed.push(`after ${last} came ${entry}, before which was ${before[entry]}`);
    }
    last = entry;
  }
  return missed;
}
