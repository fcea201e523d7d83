// The pages for those who build apps: what they quote is what is tested, and what they advise covers every reason.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { reasons as ours } from '../../src/app/reasons.ts';
import { reasons, statusCodes } from '../../src/core/kit/fault.ts';
import { blocksOf } from '../support/client/page.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = readdirSync(join(root, 'docs/mobile')).map((name) => `docs/mobile/${name}`);

test('lines that a mobile page quotes from a tested client stand there word for word', () => {
  const quoted = pages.flatMap((page) => blocksOf(join(root, page)).flatMap(({ file, text }) => (file === undefined ? [] : [{ page, file, text }])));
  assert.ok(quoted.length > 0);
  for (const { page, file, text } of quoted)
    assert.ok(readFileSync(join(root, file), 'utf8').includes(text), `${page} quotes what ${file} does not say:\n${text}`);
});

test('the page on errors advises on every reason once, and on none that there is not', () => {
  const page = readFileSync(join(root, 'docs/mobile/errors-and-retries.md'), 'utf8');
  const section = page.slice(page.indexOf('## What to do'), page.indexOf('## How to retry'));
  const named = [...section.matchAll(/`([A-Z]+(?:_[A-Z]+)*)`/g)].map(([, name = '']) => name).filter((name) => !Object.hasOwn(ours, name));
  const bare = named.filter((name) => !Object.hasOwn(reasons, name));
  assert.ok(
    bare.every((name) => Object.hasOwn(statusCodes, name)),
    `no reasons: ${bare}`,
  );
  assert.deepEqual(named.filter((name) => Object.hasOwn(reasons, name)).sort(), Object.keys(reasons).sort());
});
