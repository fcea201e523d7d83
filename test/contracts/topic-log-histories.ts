// Random histories of a topic: what was published, lost, put back and read, held against the truth and against a model.
import assert from 'node:assert/strict';
import type { TopicPage, TopicPosition } from '../../src/core/ports/topic-log.ts';
import { replacedMax } from '../../src/core/ports/topic-log-limits.ts';
import { seeded } from '../support/time/seeded.ts';
import { payload, type TopicLogHarness, textOf } from './topic-log.ts';

type Truth = { readonly position: TopicPosition; readonly key: string; readonly text: string };
/** What a log must have: every event of its present branch, kept or not. */
type Branch = readonly Truth[];

export type History = { readonly seed: number; readonly steps: number; readonly topic: string };

/**
 * Runs a history, the same for the same seed on every adapter.
 * @returns what each step gave, without what is random in it
 * @throws AssertionError when a page is not what was published
 */
export async function runHistory({ a, b, faults }: TopicLogHarness, { seed, steps, topic }: History): Promise<readonly string[]> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const gave: string[] = [];
  let branch: Branch = [];
  let start = await a.top(topic);
  /** Every position that a client may have, lost ones among them. */
  const positions: TopicPosition[] = [start];
  const saved: (() => Promise<void>)[] = [];
  const publish = async (step: number) => {
    const events = Array.from({ length: 1 + below(3) }, (_, i) => ({
      key: ['', '', 'a', 'b', 'c'][below(5)] as string,
      payload: payload(`${step}.${i}`),
      requestId: below(3) === 0 ? `r${below(6)}.${i}` : undefined,
    }));
    const published = await (below(2) === 0 ? a : b).publish(topic, events, { size: below(7), ageMs: 3_600_000 });
    for (const [i, { position, repeated }] of published.entries()) {
      positions.push(position);
      if (repeated) continue;
      if (position.epoch !== start.epoch) {
        start = { epoch: position.epoch, offset: 0, id: '' };
        branch = [];
      }
      const { key = '', payload } = events[i] ?? assert.fail();
      branch = [...branch, { position, key, text: payload.toString() }];
      assert.equal(position.offset, branch.length, 'offsets have no hole');
    }
    return published.map(({ position, repeated }) => `${position.offset}${repeated ? ' again' : ''}`).join();
  };
  const read = async () => {
    const after = positions[below(positions.length)] ?? assert.fail();
    const page = await (below(2) === 0 ? a : b).read(topic, after, { eventsMax: 1 + below(4), bytesMax: below(30) });
    if (page.top.epoch !== start.epoch) [start, branch] = [{ ...page.top, offset: 0, id: '' }, []];
    honest(page, after, branch);
    return `${after.offset}: ${page.recovered ? page.events.map(textOf).join() : page.why} of ${page.top.offset}`;
  };
  const save = async () => {
    const before = { branch, start, restore: await faults.save(topic) };
    saved.push(async () => {
      await before.restore();
      ({ branch, start } = before);
    });
    return 'saved';
  };
  for (let step = 0; step < steps; step++) {
    const kind = below(40);
    if (kind < 18) gave.push(await publish(step));
    else if (kind < 34) gave.push(await read());
    else if (kind === 34) gave.push(await save());
    else if (kind < 37) {
      await saved.pop()?.();
      gave.push('restored');
    } else if (kind < 39) await faults.evictEvents(topic);
    else await faults.evictEpoch(topic);
  }
  return gave;
}

/**
 * A page that is recovered has each event after the position, unless a newer one of its key replaced it, and no other.
 */
function honest(page: TopicPage, after: TopicPosition, branch: Branch) {
  assert.deepEqual([page.top.offset, page.top.id], [branch.length, branch.at(-1)?.position.id ?? '']);
  if (!page.recovered) return;
  const last = after.offset === 0 ? { ...after, id: '' } : branch[after.offset - 1]?.position;
  assert.deepEqual(after, last, 'the position is of this branch');
  const newest = new Map(branch.map(({ key, position }) => [key, position.offset]));
  const due = branch
    .slice(after.offset)
    .filter(({ key, position }) => key === '' || newest.get(key) === position.offset)
    .filter(({ position }) => position.offset <= page.end.offset);
  assert.deepEqual(
    page.events.map((event) => ({ position: event.position, key: event.key, text: textOf(event) })),
    due,
  );
  assert.ok(page.events.length > 0 || after.offset === page.top.offset, 'a page makes progress');
  assert.deepEqual(page.end, page.events.at(-1)?.position ?? after);
  assert.ok(branch.length - after.offset < replacedMax);
}
