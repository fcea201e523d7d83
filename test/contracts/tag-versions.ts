import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import type { TagsOfUsers } from '../../src/core/ports/user-data.ts';

/** An adapter under test. */
export type TagVersionsHarness = AsyncDisposable & {
  readonly versions: TagVersions & TagsOfUsers;
  /** How long answers live here; whole milliseconds. */
  readonly lifeMs: number;
  /** How many versions of tags it may have that no entry holds, where that is the adapter's own bound. */
  readonly looseMax?: number;
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

  /** Begins and ends a computation whose answer is stored: its tags have versions of their own from then on. */
  const stored = async ({ versions, lifeMs }: TagVersionsHarness, tags: readonly string[]) => {
    const begun = await versions.begin(tags);
    const kept = await versions.keep(tags, begun.versions, begun.startedAt, lifeMs);
    assert.ok(kept);
    return kept.versions;
  };

  contract('what was never given is not current, whatever is asked', async ({ versions }) => {
    assert.equal(await versions.standing(['a'], [0]), 'invalidated');
    assert.equal(await versions.standing(['a'], [Number.NaN]), 'invalidated');
    assert.equal(await versions.standing(['a'], [Number.MAX_SAFE_INTEGER]), 'invalidated');
    assert.equal(await versions.standing([], []), 'current');
  });

  contract('a tag keeps its version until it is raised, also when something else is begun or raised', async ({ versions, elapse }) => {
    const tags = ['a', 'b'];
    const begun = await versions.begin(tags);
    await elapse(5);
    assert.deepEqual((await versions.begin(['b', 'a'])).versions, begun.versions.toReversed());
    await versions.raise(['c']);
    assert.equal(await versions.standing(tags, begun.versions), 'current');
    await versions.raise(['b']);
    assert.equal(await versions.standing(tags, begun.versions), 'invalidated');
    assert.equal(await versions.standing(['a'], begun.versions.slice(0, 1)), 'current');
  });

  contract('a tag that an answer is stored with keeps its version until it is raised, and has the same for the next answer', async (on) => {
    const { versions, elapse } = on;
    const tags = ['a', 'b'];
    const first = await stored(on, tags);
    await elapse(5);
    assert.deepEqual((await versions.begin(['b', 'a'])).versions, first.toReversed());
    assert.deepEqual(await stored(on, tags), first);
    await versions.raise(['c']);
    assert.equal(await versions.standing(tags, first), 'current');
    await versions.raise(['b']);
    assert.equal(await versions.standing(tags, first), 'invalidated');
    assert.equal(await versions.standing(['a'], first.slice(0, 1)), 'current');
  });

  contract('a tag may have any printable character, and 256 of them', async (on) => {
    const tags = ['x'.repeat(256), 'x'.repeat(255), '{', '}', '{}', '{a}', '{b}', '__proto__', 'constructor', '*', '"', '\\', '~', '!'];
    for (const tag of tags) {
      const before = await stored(on, tags);
      await on.versions.raise([tag]);
      for (const [i, other] of tags.entries()) {
        const standing = await on.versions.standing([other], [before[i] ?? 0]);
        assert.equal(standing, other === tag ? 'invalidated' : 'current', `${other} after ${tag} was raised`);
      }
    }
  });

  contract('many answers with many tags are asked about at once, each by itself', async (on) => {
    if (on.looseMax !== undefined) return; // it would forget some
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const tags = Array.from({ length: 64 }, (_, j) => `tag:${i}:${j}`);
        return { tags, versions: await stored({ ...on, lifeMs: 60_000 }, tags) };
      }),
    );
    await on.versions.raise(['tag:3:0', 'tag:20:63']);
    await on.versions.raise(['tag:30:7'], { soft: true });
    const standings = await Promise.all(answers.map(async ({ tags, versions }) => on.versions.standing(tags, versions)));
    for (const [i, standing] of standings.entries())
      assert.equal(standing, i === 3 || i === 20 ? 'invalidated' : i === 30 ? 'soft' : 'current', `answer ${i}`);
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

  contract('a computation during which one of its tags was raised is refused at its end, and all others are not', async (on) => {
    const { versions, lifeMs } = on;
    await stored(on, ['known']);
    const tags = ['known', 'new'];
    for (const raised of tags) {
      const begun = await versions.begin(tags);
      await versions.raise([raised]);
      assert.equal(await versions.keep(tags, begun.versions, begun.startedAt, lifeMs), undefined, raised);
      assert.equal(await versions.keep(tags, begun.versions, begun.startedAt, 0), undefined, `${raised}, not stored`);
    }
    const begun = await versions.begin(tags);
    await versions.raise(['other']);
    assert.ok(await versions.keep(tags, begun.versions, begun.startedAt, lifeMs));
  });

  contract('a forgotten tag is raised, whatever is stored or computed with it, and its next version is higher', async (on) => {
    const { versions, lifeMs } = on;
    const [before = 0, other = 0] = await stored(on, ['a', 'b']);
    const begun = await Promise.all([versions.begin(['a']), versions.begin(['new']), versions.begin(['b'])]);
    await versions.forget(['a', 'new']);
    assert.deepEqual([await versions.standing(['a'], [before]), await versions.standing(['b'], [other])], ['invalidated', 'current']);
    const [a, fresh, b] = await Promise.all(begun.map((one, i) => versions.keep([['a', 'new', 'b'][i] ?? ''], one.versions, one.startedAt, lifeMs)));
    assert.deepEqual([a, fresh, b?.versions], [undefined, undefined, [other]]);
    assert.ok(!Number.isInteger((await versions.begin(['a'])).versions[0]), 'it has no version of its own');
    const [after = 0] = await stored(on, ['a']);
    assert.ok(after > before);
    assert.equal(await versions.standing(['a'], [before]), 'invalidated');
  });

  contract('a forgotten tag that settles goes on settling', async ({ versions }) => {
    await versions.raise(['a', 'b'], { settleMs: 60_000 });
    const begun = await versions.begin(['a']);
    await versions.forget(['a']);
    assert.equal(await versions.standing(['a'], begun.versions), 'invalidated');
    assert.equal((await versions.begin(['a'])).settling, true);
  });

  contract('computations stand in for each other until one of their tags is raised, also while a tag gets its own version', async (on) => {
    const { versions, elapse } = on;
    const raises = async () => (await versions.begin(['a', 'b'])).raises;
    const first = await raises();
    await elapse(5);
    await stored(on, ['b']);
    assert.equal(await raises(), first);
    const seen = new Set([first]);
    for (const tag of ['a', 'b', 'a', 'b']) {
      await versions.raise([tag], { soft: tag === 'b' });
      seen.add(await raises());
    }
    await versions.raiseAll();
    assert.equal(seen.add(await raises()).size, 6, 'another text after every raise');
  });

  contract('two computations of the same new tag may end after each other, and a raise makes both unusable', async ({ versions, lifeMs }) => {
    const [one, other] = [await versions.begin(['new']), await versions.begin(['new'])];
    const first = await versions.keep(['new'], one.versions, one.startedAt, lifeMs);
    const second = await versions.keep(['new'], other.versions, other.startedAt, lifeMs);
    assert.ok(first && second);
    assert.deepEqual(first.versions, second.versions);
    assert.equal(await versions.standing(['new'], first.versions), 'current');
    await versions.raise(['new']);
    assert.equal(await versions.standing(['new'], first.versions), 'invalidated');
  });

  contract('a tag that comes to light late is refused when it was raised after the start', async (on) => {
    const { versions, elapse, lifeMs, skewMs = 0 } = on;
    await stored(on, ['late']);
    await elapse(skewMs + 1);
    const { startedAt } = await versions.begin(['known']);
    const versionsThen = await versions.keep(['late'], [], startedAt, lifeMs);
    assert.ok(versionsThen);
    assert.equal(await versions.standing(['late'], versionsThen.versions), 'current');
    await versions.raise(['late']);
    assert.equal(await versions.keep(['late'], [], startedAt, lifeMs), undefined);
    await elapse(skewMs + 1);
    assert.ok(await versions.keep(['late'], [], (await versions.begin([])).startedAt, lifeMs));
  });

  contract('a late tag without a version has not moved, and is given one that a raise moves', async ({ versions, elapse, lifeMs, skewMs = 0 }) => {
    await versions.begin(['new', 'newer']); // what a Redis has known for as long as clocks may differ
    await elapse(skewMs + 1);
    const { startedAt } = await versions.begin([]);
    const given = await versions.keep(['new', 'newer'], [], startedAt, lifeMs);
    assert.equal(given?.versions.length, 2);
    assert.equal(await versions.standing(['new', 'newer'], given?.versions ?? []), 'current');
    await versions.raise(['newer']);
    assert.equal(await versions.standing(['new', 'newer'], given?.versions ?? []), 'invalidated');
  });

  contract('a late tag that was raised after the start and then forgotten is refused all the same', async (on) => {
    const { versions, looseMax, lifeMs } = on;
    if (looseMax === undefined) return; // it forgets none
    await stored(on, ['late']);
    const { startedAt } = await versions.begin([]);
    await versions.raise(['late']);
    for (let i = 0; i <= looseMax; i++) await stored(on, [`other:${i}`]);
    assert.equal(await versions.keep(['late'], [], startedAt, lifeMs), undefined);
  });

  contract('a tag outlives every answer stored with it', async (on) => {
    const { versions, lifeMs, elapse } = on;
    await stored(on, ['a']);
    await elapse(lifeMs / 2);
    const again = await stored(on, ['a']);
    await elapse(lifeMs * 0.9);
    await stored(on, ['b']);
    assert.equal(await versions.standing(['a'], again), 'current');
  });

  contract('a tag that was forgotten over the bound is not current, and never gets an old version again', async (on) => {
    const { versions, looseMax } = on;
    if (looseMax === undefined) return; // it forgets none
    const first = await stored(on, ['a']);
    for (let i = 0; i <= looseMax; i++) await stored(on, [`other:${i}`]);
    assert.equal(await versions.standing(['a'], first), 'invalidated');
    const again = await stored(on, ['a']);
    assert.ok((again[0] ?? 0) > (first[0] ?? 0));
    assert.equal(await versions.standing(['a'], first), 'invalidated');
  });

  contract('raising everything makes unusable what is stored and what is being computed, and what comes after is as usual', async (on) => {
    const { versions, lifeMs } = on;
    const first = await stored(on, ['a', 'b']);
    const begun = await versions.begin(['a', 'new']);
    await versions.raiseAll();
    assert.equal(await versions.standing(['a'], first.slice(0, 1)), 'invalidated');
    assert.equal(await versions.keep(['a', 'new'], begun.versions, begun.startedAt, lifeMs), undefined);
    assert.equal(await versions.keep(['late'], [], begun.startedAt, lifeMs), undefined);
    const after = await stored(on, ['a', 'b', 'new']);
    assert.equal(await versions.standing(['a', 'b', 'new'], after), 'current');
    await versions.raise(['b'], { soft: true });
    assert.equal(await versions.standing(['a', 'b', 'new'], after), 'soft');
  });

  contract('whether anything at all was raised since is never denied wrongly', async ({ versions }) => {
    const before = await versions.begin(['a']);
    await versions.raise(['something:else']);
    assert.equal(await versions.raisedSince(before.startedAt), true);
    const between = await versions.begin([]);
    await versions.raiseAll();
    assert.equal(await versions.raisedSince(between.startedAt), true);
  });

  contract('a soft raise leaves older answers usable past their time, until one for good', async (on) => {
    const { versions } = on;
    const begun = { versions: await stored(on, ['a', 'b']) };
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'soft');
    const after = await versions.begin(['a']);
    assert.equal(await versions.standing(['a'], after.versions), 'current');
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'soft', 'however often');
    await versions.raise(['b']);
    assert.equal(await versions.standing(['a', 'b'], begun.versions), 'invalidated', 'the worst of all tags counts');
    await versions.raise(['a']);
    assert.equal(await versions.standing(['a'], after.versions), 'invalidated');
    await versions.raise(['a'], { soft: true });
    assert.equal(await versions.standing(['a'], after.versions), 'invalidated', 'what was unusable stays it');
  });

  contract('a late tag that was raised after the start is refused, however softly', async ({ versions, lifeMs }) => {
    const { startedAt } = await versions.begin([]);
    await versions.raise(['late'], { soft: true });
    assert.equal(await versions.keep(['late'], [], startedAt, lifeMs), undefined);
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
    await versions.raise(['late'], { settleMs: 5_000 });
    await elapse(2_500); // longer than the clocks of servers may differ
    const { startedAt } = await versions.begin([]);
    assert.equal((await versions.keep(['late'], [], startedAt, 1_000))?.settling, true);
  });

  contract('a tag settles for longer than any answer lives, whoever asks and stores meanwhile', async (on) => {
    const { versions, lifeMs, elapse } = on;
    await stored(on, ['a']);
    await versions.raise(['a'], { settleMs: lifeMs * 3 });
    await elapse(lifeMs * 1.5);
    await versions.begin(['other']);
    const begun = await versions.begin(['a']);
    assert.equal(begun.settling, true);
    await versions.keep(['a'], begun.versions, begun.startedAt, 1);
    await elapse(lifeMs / 2);
    assert.equal((await versions.begin(['a'])).settling, true);
  });
}
