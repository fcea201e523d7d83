// What the pages for those who build apps quote is what a client does that is tested against the sample app.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { blocksOf } from '../support/client/page.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = readdirSync(join(root, 'docs/mobile')).map((name) => `docs/mobile/${name}`);

test('lines that a mobile page quotes from a tested client stand there word for word', () => {
  const quoted = pages.flatMap((page) => blocksOf(join(root, page)).flatMap(({ file, text }) => (file === undefined ? [] : [{ page, file, text }])));
  assert.ok(quoted.length > 0);
  for (const { page, file, text } of quoted)
    assert.ok(readFileSync(join(root, file), 'utf8').includes(text), `${page} quotes what ${file} does not say:\n${text}`);
});
