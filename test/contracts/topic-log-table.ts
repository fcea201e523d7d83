// Every way in which a position can stand to a log, and whether read says honestly what is missing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicLog, TopicPosition } from '../../src/core/ports/topic-log.ts';
import { until } from '../support/time/until.ts';
import { fill, follower, type LogFaults, pageMax, payload, publishOne, type TopicLogHarness, textOf, whole } from './topic-log.ts';

/** `at` by offset: every position that a client can have, those of lost events among them. */
type State = { readonly at: readonly TopicPosition[]; readonly top: number };
type Row = {
  readonly log: string;
  readonly make: (log: TopicLog, topic: string, faults: LogFaults) => Promise<State>;
  /** The offsets of positions, and what read says of each. Ahead is at least 2: an event may come meanwhile. */
  readonly behind: readonly [offset: number, says: string];
  readonly equal: readonly [offset: number, says: string];
  readonly ahead: readonly [offset: number, says: string];
  readonly zero: string;
};

const rows: readonly Row[] = [
  {
    log: 'whole',
    make: async (log, topic) => ({ at: await fill(log, topic, 6), top: 6 }),
    behind: [4, '5 6'],
    equal: [6, ''],
    ahead: [9, 'ahead'],
    zero: '1 2 3 4 5 6',
  },
  {
    log: 'trimmed, the position before what is kept',
    make: async (log, topic) => ({ at: await fill(log, topic, 6, { ...whole, size: 3 }), top: 6 }),
    behind: [2, 'trimmed'],
    equal: [6, ''],
    ahead: [8, 'ahead'],
    zero: 'trimmed',
  },
  {
    log: 'trimmed, the position at the last event that is not kept',
    make: async (log, topic) => ({ at: await fill(log, topic, 6, { ...whole, size: 3 }), top: 6 }),
    behind: [3, '4 5 6'],
    equal: [6, ''],
    ahead: [8, 'ahead'],
    zero: 'trimmed',
  },
  {
    log: 'empty',
    make: async (log, topic) => ({ at: await fill(log, topic, 0), top: 0 }),
    behind: [0, ''],
    equal: [0, ''],
    ahead: [2, 'ahead'],
    zero: '',
  },
  {
    log: 'evicted, its epoch kept',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      await faults.evictEvents(topic);
      return { at, top: 6 };
    },
    behind: [5, 'trimmed'],
    equal: [6, ''],
    ahead: [8, 'ahead'],
    zero: 'trimmed',
  },
  {
    log: 'evicted, then continued',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      await faults.evictEvents(topic);
      return { at: [...at, await publishOne(log, topic, { payload: payload('7') })], top: 7 };
    },
    behind: [6, '7'],
    equal: [7, ''],
    ahead: [9, 'ahead'],
    zero: 'trimmed',
  },
  {
    log: 'evicted with its epoch, then continued',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      await faults.evictEpoch(topic);
      await fill(log, topic, 6);
      return { at, top: 6 };
    },
    behind: [5, 'epoch'],
    equal: [6, 'epoch'],
    ahead: [7, 'epoch'],
    zero: 'epoch',
  },
  {
    log: 'evicted with its epoch, not its events',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      await faults.evictEpoch(topic);
      return { at, top: 0 };
    },
    behind: [5, 'epoch'],
    equal: [0, 'epoch'],
    ahead: [6, 'epoch'],
    zero: 'epoch',
  },
  {
    log: 'rewound by 4 events',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      const restore = await faults.save(topic);
      for (let i = 7; i <= 10; i++) at.push(await publishOne(log, topic, { payload: payload(`lost ${i}`) }));
      await restore();
      return { at, top: 6 };
    },
    behind: [4, '5 6'],
    equal: [6, ''],
    ahead: [10, 'ahead'],
    zero: '1 2 3 4 5 6',
  },
  {
    log: 'rewound, then continued by as many events as were lost',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      const restore = await faults.save(topic);
      for (let i = 7; i <= 10; i++) at.push(await publishOne(log, topic, { payload: payload(`lost ${i}`) }));
      await restore();
      for (let i = 7; i <= 10; i++) await publishOne(log, topic, { payload: payload(`${i}`) });
      return { at, top: 10 };
    },
    behind: [8, 'other-event'],
    equal: [10, 'other-event'],
    ahead: [12, 'ahead'],
    zero: '1 2 3 4 5 6 7 8 9 10',
  },
  {
    log: 'rewound, then continued until the lost offset is the last that is not kept',
    make: async (log, topic, faults) => {
      const at = await fill(log, topic, 6);
      const restore = await faults.save(topic);
      at.push(await publishOne(log, topic, { payload: payload('lost 7') }));
      await restore();
      for (let i = 7; i <= 9; i++) await publishOne(log, topic, { payload: payload(`${i}`) }, { ...whole, size: 2 });
      return { at, top: 9 };
    },
    behind: [7, 'other-event'],
    equal: [9, ''],
    ahead: [11, 'ahead'],
    zero: 'trimmed',
  },
];

const places = ['behind', 'equal', 'ahead', 'zero'] as const;
/** When something is published while a client subscribes. */
const during = ['never', 'before it reads', 'after it has read'] as const;

/** The contract's table: epoch × offset × log × publish while subscribing. */
export function topicLogTable(adapter: string, open: () => Promise<TopicLogHarness>) {
  for (const row of rows)
    test(`${adapter}: a log that is ${row.log}`, { timeout: 60_000 }, async () => {
      await using on = await open();
      for (const epoch of ['same', 'other', 'empty'] as const)
        await Promise.all(places.flatMap((place) => during.map((when) => check(on, row, { epoch, place, when }))));
    });
}

type Case = { readonly epoch: 'same' | 'other' | 'empty'; readonly place: (typeof places)[number]; readonly when: (typeof during)[number] };

async function check(on: TopicLogHarness, row: Row, { epoch, place, when }: Case) {
  const topic = `${epoch} ${place} ${when}`;
  const { at, top } = await row.make(on.a, topic, on.faults);
  const [offset, says] = place === 'zero' ? [0, row.zero] : row[place];
  const epochs = { same: at[0]?.epoch ?? assert.fail(), other: 'another', empty: '' };
  const position = { ...(at[offset] ?? (await positionAt(on.a, topic, offset))), epoch: epochs[epoch] };
  const expected = epoch === 'same' ? says : 'epoch';
  assert.deepEqual(await subscribed(on, topic, position, when), outcome(expected, top, when), `${topic}: ${offset}`);
}

/** The position with an offset in the log as it is now, or a forged one beyond its end. */
async function positionAt(log: TopicLog, topic: string, offset: number): Promise<TopicPosition> {
  const top = await log.top(topic);
  return offset === top.offset ? top : { ...top, offset };
}

function outcome(says: string, top: number, when: (typeof during)[number]) {
  const lost = /^[a-z]/.test(says) ? says : undefined;
  const texts = says === '' || lost !== undefined ? [] : says.split(' ');
  const end = when === 'never' ? top : top + 1;
  return { lost, events: when === 'never' || lost !== undefined ? texts : [...texts, 'new'], end: lost === undefined ? end : undefined };
}

/** Follows first, reads then, and drops what came twice: what a client ends up with. */
async function subscribed({ a, b }: TopicLogHarness, topic: string, position: TopicPosition, when: (typeof during)[number]) {
  const live = follower();
  const subscription = await b.follow(topic, live);
  const publishNew = () => publishOne(a, topic, { payload: payload('new') });
  if (when === 'before it reads') await publishNew();
  const page = await b.read(topic, position, pageMax);
  if (when === 'after it has read') await publishNew();
  if (when !== 'never') await until('it is delivered', () => live.events.length === 1);
  subscription.close();
  if (!page.recovered) return { lost: page.why, events: [], end: undefined };
  const late = live.events.filter((event) => event.position.offset > page.end.offset);
  assert.ok(
    late.every((event, i) => event.position.epoch === page.end.epoch && event.position.offset === page.end.offset + i + 1),
    'no hole',
  );
  return { lost: undefined, events: [...page.events, ...late].map(textOf), end: late.at(-1)?.position.offset ?? page.end.offset };
}
