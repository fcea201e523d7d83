// How much has to be read to follow one cached call: the files are those that a miss and a hit run through, as V8
// counts them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cameBy, computation, openTestCache } from '../cache/open.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';

const cacheRoom = resolve(import.meta.dirname, '../../src/core/cache');

/** The files of a folder with a function that ran during `work`. */
async function filesRunThrough(folder: string, work: () => Promise<unknown>): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    return result
      .filter(({ url, functions }) => url.startsWith('file:') && functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0))
      .map(({ url }) => fileURLToPath(url))
      .filter((file) => file.startsWith(`${folder}/`));
  } finally {
    session.disconnect();
  }
}

test('one cached call, a miss and then a hit, is followed in less than 1,700 lines of the cache, whole files counted', async () => {
  const { cache } = openTestCache();
  const plan = planOf('GetItem');
  const compute = computation();
  const calls = ['miss 1', 'hit 1'].map((came) => ({ came, call: readyCall(plan, { user: 'ada', request: { itemId: '7' } }) }));
  const files = await filesRunThrough(cacheRoom, async () => {
    for (const { came, call } of calls) assert.equal(cameBy(await cache.answer(call, compute)), came);
  });
  const lines = files.map((file) => [relative(cacheRoom, file), readFileSync(file, 'utf8').split('\n').length - 1] as const);
  const sum = lines.reduce((sum, [, count]) => sum + count, 0);
  assert.ok(
    lines.some(([file]) => file === 'serve.ts') && lines.some(([file]) => file === 'compute-and-store.ts'),
    'the list is derived from the call',
  );
  assert.ok(sum < 1_700, `${sum} lines: ${lines.map((line) => line.join(' ')).join(', ')}`);
});
