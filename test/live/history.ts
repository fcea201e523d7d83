// A random history of one topic, without sockets: events are published while clients come and go, announcements are
// lost, and the log loses its tail.

import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { noSpans } from '../../src/core/adapters/telemetry/messaging-spans.ts';
import { openLimiter } from '../../src/core/kit/concurrency-limiter.ts';
import type { TopicPosition } from '../../src/core/ports/topic-log.ts';
import { Subscription } from '../../src/core/services/live/resume-and-conflate.ts';
import { openFeeds } from '../../src/core/services/live/topic-feed.ts';
import { openTurns } from '../../src/core/streams/event-loop-turns.ts';
import { LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { quietLog } from '../support/log.ts';
import { lossyBus } from '../support/lossy-bus.ts';
import { fakeClock } from '../support/time/clock.ts';
import { seeded } from '../support/time/seeded.ts';
import { openReader, type Published, type Reader } from './reader.ts';

export type HistoryOptions = { readonly seed: number; readonly clients: number; readonly events: number };

const topic = 'news:all';
const limits = { size: 60, ageMs: 3_600_000 };
const page = { eventsMax: 100, bytesMax: 65_536 };
/** Longer than the interval of position checks, which is 40 s. Milliseconds. */
const quietMs = 120_000;

/** @returns what a client missed without notice; nothing is as it should be */
export async function runHistory({ seed, clients, events }: HistoryOptions): Promise<readonly string[]> {
  const random = seeded(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const clock = fakeClock();
  const lossy = lossyBus(memoryBus(quietLog));
  const gaps = new Set<() => void>();
  const bus: typeof lossy = {
    ...lossy,
    subscribe: (busTopic, listener, signal) => {
      gaps.add(listener.onGap);
      return lossy.subscribe(busTopic, listener, signal);
    },
  };
  const onRoom = (callback: () => void) => {
    callback();
    return () => {};
  };
  let ids = 0;
  const log = memoryTopicLog({ clock, bus, randomId: () => `id${ids++}` });
  const feeds = openFeeds({ log, turns: openTurns(clock.monotonicMs), spans: noSpans, clock, report: quietLog });
  const recoveries = openLimiter(4);
  const published: Published[] = [];
  /** The number of the log's last event; -1: it has none. */
  let top = -1;
  const all = Array.from({ length: clients }, (_, i) => openClient(`client ${i}`));

  function openClient(name: string) {
    const reader: Reader = openReader(name, published);
    let subscribed: { close(): void } | undefined;
    let life = 0;
    return {
      reader,
      isOpen: () => subscribed !== undefined,
      open: () => {
        const own = ++life;
        const send = (bytes: Uint8Array) => {
          if (own !== life) return;
          const { message } = LiveResponse.decode(bytes);
          if (message !== undefined) reader.receive(message);
        };
        const out = { send, hasRoom: () => true, onRoom };
        subscribed = new Subscription({
          topic,
          generation: own,
          position: reader.position() as TopicPosition | undefined,
          conflate: false,
          stream: { out },
          feed: feeds.of(topic),
          readPage: (...asked) => recoveries(() => log.read(asked[0], asked[1], page)),
          clock,
          counts: { events: 0 },
          onBegun: () => {},
          onFailed: (error) => reader.wrong(`its subscription failed: ${error}`),
        });
      },
      cut: () => {
        life++;
        subscribed?.close();
        subscribed = undefined;
      },
    };
  }
  const publish = async (count: number) => {
    const batch = Array.from({ length: count }, () => {
      published.push({ before: top });
      top = published.length - 1;
      return { payload: Buffer.from(String(top)) };
    });
    await log.publish(topic, batch, limits);
  };

  for (const client of all) client.open();
  let restore: (() => void) | undefined;
  let savedTop = -1;
  while (published.length < events) {
    const kind = pick(100);
    if (kind < 55) await publish(1 + pick(3));
    else if (kind < 75) {
      const client = all[pick(clients)];
      if (client?.isOpen() === true) client.cut();
      else client?.open();
    } else if (kind < 83) bus.lose(true);
    else if (kind < 91) bus.lose(false);
    else if (kind < 95) {
      restore = log.faults.save(topic);
      savedTop = top;
    } else if (restore !== undefined && published.length - savedTop < 20) {
      restore(); // a fail-over to a replica that lacks the tail
      if (pick(2) === 0) {
        bus.lose(false); // it breaks the connections of the bus, too, or the bus does not notice it
        for (const gap of gaps) gap();
      }
      restore = undefined;
      top = savedTop;
    }
    if (pick(4) > 0) await clock.advance(pick(2_000));
  }
  bus.lose(true); // the last events are announced to nobody, and nothing comes after them
  await publish(2);
  bus.lose(false);
  for (const client of all) if (!client.isOpen()) client.open();
  await clock.advance(quietMs);
  const problems = all.flatMap(({ reader }) => reader.problems(top));
  for (const client of all) client.cut();
  return problems;
}
