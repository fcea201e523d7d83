import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { reasons } from '../../src/core/kit/reasons.ts';

const src = resolve(import.meta.dirname, '../../src');
/** Where reasons are listed and translated, not given. */
const lists = ['core/kit/reasons.ts', 'core/interceptors/messages/en.ts'];

test('every reason of the table is given somewhere: an app that branches on it does not wait for nothing', () => {
  const code = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('gen/') && !lists.includes(file))
    .map((file) => readFileSync(join(src, file), 'utf8'))
    .join('\n');
  assert.deepEqual(
    Object.keys(reasons).filter((reason) => !code.includes(`'${reason}'`)),
    [],
  );
});
