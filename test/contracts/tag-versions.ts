import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';

/** An adapter under test. */
export type TagVersionsHarness = AsyncDisposable & {
  readonly versions: TagVersions;
  /** How long an answer may live, for which the adapter was opened; whole milliseconds. */
  readonly keepMs: number;
  /** How many tags it may know, where that is the adapter's own bound. */
  readonly tagsMax?: number;
  /** How far the clocks of its servers may be apart. */
  readonly skewMs?: number;
  /** Moves a fake clock, or really waits. */
  elapse(ms: number): Promise<void>;
};

/** What every adapter of tag versions promises. */
export function tagVersionsContract(adapter: string, open: () => Promise<TagVersionsHarness>) {
  const contract = (name: string, body: (on: TagVersionsHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on);
    });

  contract('a tag that nothing was begun with is not unmoved, whatever is asked', async ({ versions }) => {
    assert.equal(await versions.standing(['a'], [0]), 'moved');
    assert.equal(await versions.standing([], []), 'unmoved');
  });

  contract('a tag keeps its version until it is raised, also when something else is begun or raised', async ({ versions, elapse }) => {
    const tags = ['a', 'b'];
    const begun = await versions.begin(tags);
    await elapse(5);
    assert.deepEqual((await versions.begin(['b', 'a'])).versions, begun.versions.toReversed());
    await versions.raise(['c']);
    assert.equal(await versions.standing(tags, begun.versions), 'unmoved');
    await versions.raise(['b']);
    assert.equal(await versions.standing(tags, begun.versions), 'moved');
    assert.equal(await versions.standing(['a'], begun.versions.slice(0, 1)), 'unmoved');
  });

  contract('versions only rise, a thousand times in one moment', async ({ versions }) => {
    let [last = 0] = (await versions.begin(['a'])).versions;
    for (let i = 0; i < 1_000; i++) {
      await versions.raise(['a']);
      const [next = 0] = (await versions.begin(['a'])).versions;
      assert.ok(next > last, `${next} after ${last}`);
      last = next;
    }
  });

  contract('a tag that comes to light late is refused when it was raised after the start', async ({ versions, elapse, skewMs = 0 }) => {
    await versions.begin(['late']);
    const { startedAt } = await versions.begin(['known']);
    const versionsThen = await versions.late(['late'], startedAt);
    assert.ok(versionsThen);
    assert.equal(await versions.standing(['late'], versionsThen.versions), 'unmoved');
    await versions.raise(['late']);
    assert.equal(await versions.late(['late'], startedAt), undefined);
    await elapse(skewMs + 1);
    assert.ok(await versions.late(['late'], (await versions.begin([])).startedAt));
  });

  contract('a late tag without a version has not moved, and is given one that a raise moves', async ({ versions }) => {
    const { startedAt } = await versions.begin([]);
    const given = await versions.late(['new', 'newer'], startedAt);
    assert.equal(given?.versions.length, 2);
    assert.equal(await versions.standing(['new', 'newer'], given?.versions ?? []), 'unmoved');
    await versions.raise(['newer']);
    assert.equal(await versions.standing(['new', 'newer'], given?.versions ?? []), 'moved');
  });

  contract('a late tag that was raised after the start and then forgotten is refused all the same', async ({ versions, tagsMax }) => {
    if (tagsMax === undefined) return; // it forgets none
    const { startedAt } = await versions.begin([]);
    await versions.raise(['late']);
    for (let i = 0; i <= tagsMax; i++) await versions.raise([`other:${i}`]);
    assert.equal(await versions.late(['late'], startedAt), undefined);
  });

  contract('a tag outlives every answer begun with it', async ({ versions, keepMs, elapse }) => {
    await versions.begin(['a']);
    await elapse(keepMs / 2);
    const { versions: again } = await versions.begin(['a']);
    await elapse(keepMs * 0.9);
    await versions.begin(['b']);
    assert.equal(await versions.standing(['a'], again), 'unmoved');
  });

  contract('a tag that was forgotten over the bound is not unmoved, and never gets an old version again', async ({ versions, tagsMax }) => {
    if (tagsMax === undefined) return; // it forgets none
    const first = await versions.begin(['a']);
    for (let i = 0; i <= tagsMax; i++) await versions.begin([`other:${i}`]);
    assert.equal(await versions.standing(['a'], first.versions), 'moved');
    const again = await versions.begin(['a']);
    assert.ok((again.versions[0] ?? 0) > (first.versions[0] ?? 0));
    assert.equal(await versions.standing(['a'], first.versions), 'moved');
  });

  contract('a soft raise leaves older answers usable past their time, until one for good', async ({ versions }) => {
    const begun = await versions.begin(['a', 'b']);
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'soft');
    const after = await versions.begin(['a']);
    assert.equal(await versions.standing(['a'], after.versions), 'unmoved');
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'soft', 'however often');
    await versions.raise(['b']);
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'moved', 'the worst of all tags counts');
    await versions.raise(['a']);
    assert.equal(await versions.standing(['a'], after.versions), 'moved');
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a'], after.versions), 'moved', 'what was unusable stays it');
  });

  contract('a late tag that was raised after the start is refused, however softly', async ({ versions }) => {
    const { startedAt } = await versions.begin([]);
    await versions.raise(['late'], { soft: true });
    assert.equal(await versions.late(['late'], startedAt), undefined);
  });

  contract('a tag settles for as long as was said, and no later raise shortens that', async ({ versions, elapse }) => {
    await versions.raise(['a'], { settleMs: 400 });
    await versions.raise(['a']);
    const during = await versions.begin(['b', 'a']);
    assert.equal(during.settling, true);
    assert.equal((await versions.begin(['b'])).settling, false);
    await elapse(500);
    assert.equal((await versions.begin(['a'])).settling, false);
  });

  contract('a late tag that settled when the computation began says so', async ({ versions, elapse }) => {
    await versions.begin(['late']);
    await versions.raise(['late'], { settleMs: 5_000 });
    await elapse(2_500); // longer than the clocks of servers may differ
    const { startedAt } = await versions.begin([]);
    assert.equal((await versions.late(['late'], startedAt))?.settling, true);
  });
}
