// The page for those who build apps: what it advises covers every reason.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { reasons, statusCodes } from '../../src/core/kit/reasons.ts';

const root = resolve(import.meta.dirname, '../..');
/** A reason of a company's own that the page has as an example. */
const example = 'ORDER_UNKNOWN';

test('the page on errors advises on every reason once, and on none that there is not', () => {
  const page = readFileSync(join(root, 'docs/mobile/errors-and-retries.md'), 'utf8');
  const section = page.slice(page.indexOf('## What to do'), page.indexOf('## How to retry'));
  const named = [...section.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, name = '']) => name).filter((name) => name !== example);
  const bare = named.filter((name) => !Object.hasOwn(reasons, name));
  assert.ok(
    bare.every((name) => Object.hasOwn(statusCodes, name)),
    `no reasons: ${bare}`,
  );
  assert.deepEqual(named.filter((name) => Object.hasOwn(reasons, name)).sort(), Object.keys(reasons).sort());
});
