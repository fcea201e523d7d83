import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';

/** An adapter under test. */
export type TagVersionsHarness = AsyncDisposable & {
  readonly versions: TagVersions;
  /** How long an answer may live, for which the adapter was opened; whole milliseconds. */
  readonly keepMs: number;
  /** How many tags it may know. */
  readonly tagsMax: number;
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
    assert.equal(await versions.unmoved(['a'], [0]), false);
    assert.equal(await versions.unmoved([], []), true);
  });

  contract('a tag keeps its version until it is raised, also when something else is begun or raised', async ({ versions, elapse }) => {
    const tags = ['a', 'b'];
    const begun = await versions.begin(tags);
    await elapse(5);
    assert.deepEqual((await versions.begin(['b', 'a'])).versions, begun.versions.toReversed());
    await versions.raise(['c']);
    assert.equal(await versions.unmoved(tags, begun.versions), true);
    await versions.raise(['b']);
    assert.equal(await versions.unmoved(tags, begun.versions), false);
    assert.equal(await versions.unmoved(['a'], begun.versions.slice(0, 1)), true);
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

  contract('a tag that comes to light late is refused when it was raised after the start', async ({ versions }) => {
    await versions.begin(['late']);
    const { startedAt } = await versions.begin(['known']);
    const versionsThen = await versions.late(['late'], startedAt);
    assert.ok(versionsThen);
    assert.equal(await versions.unmoved(['late'], versionsThen), true);
    await versions.raise(['late']);
    assert.equal(await versions.late(['late'], startedAt), undefined);
    assert.ok(await versions.late(['late'], (await versions.begin([])).startedAt));
  });

  contract('a late tag without a version has not moved, and is given one that a raise moves', async ({ versions }) => {
    const { startedAt } = await versions.begin([]);
    const given = await versions.late(['new', 'newer'], startedAt);
    assert.equal(given?.length, 2);
    assert.equal(await versions.unmoved(['new', 'newer'], given), true);
    await versions.raise(['newer']);
    assert.equal(await versions.unmoved(['new', 'newer'], given), false);
  });

  contract('a late tag that was raised after the start and then forgotten is refused all the same', async ({ versions, tagsMax }) => {
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
    assert.equal(await versions.unmoved(['a'], again), true);
  });

  contract('a tag that was forgotten over the bound is not unmoved, and never gets an old version again', async ({ versions, tagsMax }) => {
    const first = await versions.begin(['a']);
    for (let i = 0; i <= tagsMax; i++) await versions.begin([`other:${i}`]);
    assert.equal(await versions.unmoved(['a'], first.versions), false);
    const again = await versions.begin(['a']);
    assert.ok((again.versions[0] ?? 0) > (first.versions[0] ?? 0));
    assert.equal(await versions.unmoved(['a'], first.versions), false);
  });
}
