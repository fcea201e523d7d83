import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const settings = join(root, 'src/settings');

const defaults = readdirSync(settings, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const text = readFileSync(join(settings, file), 'utf8');
    return [...text.matchAll(/\.(?:default|prefault)\(([^)]*)\)/g)].map(([, value = '']) => ({ file, value }));
  });

test('every default of a setting is written in src/settings/defaults, as a value and not as a name', () => {
  assert.ok(defaults.length > 60, `only ${defaults.length} were found`);
  const wrong = defaults.filter(({ file, value }) => !file.startsWith('defaults/') || !/^(?:['[{\d]|true$|false$)/.test(value));
  assert.deepEqual(wrong, []);
});

test('no code outside the settings declares a default of its own', () => {
  const src = join(root, 'src');
  const wrong = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('settings') && !file.startsWith('gen/'))
    .filter((file) => /\bconst default[A-Z]/.test(readFileSync(join(src, file), 'utf8')));
  assert.deepEqual(
    wrong.map((file) => relative(root, join(src, file))),
    [],
  );
});
