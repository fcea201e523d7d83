import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pages } from '../../scripts/docs.ts';
import { commands } from '../../src/cli/cli.ts';
import { reasons } from '../../src/core/kit/reasons.ts';
import { leaves } from '../../src/settings/json-schema.ts';
import { settingsSchema } from '../../src/settings/schema.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('the pages that are made are those of what they describe', () => {
  for (const [name, text] of Object.entries(pages()))
    assert.equal(read(`docs/reference/${name}`), text, `docs/reference/${name} is not fresh: run npm run generate`);
});

test('the page of the settings names every key', () => {
  const page = read('docs/reference/configuration.md');
  const missing = leaves().filter(({ path }) => !page.includes(`\`${path.join('.')}`));
  assert.deepEqual(
    missing.map(({ path }) => path.join('.')),
    [],
  );
});

test('the page of the settings states every default, those of lists and named entries as well', () => {
  const rows = read('docs/reference/configuration.md').matchAll(/^\| `([\w.]+)` \| [^|]* \| ([^|]*) \|/gm);
  const defaults = new Map([...rows].map(([, key = '', shown = '']) => [key, shown.trim()]));
  const whole = settingsSchema.parse({});
  const unstated = [...defaults].filter(([key, shown]) => {
    const value = key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], whole);
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return value !== undefined && !isSection && shown === '';
  });
  assert.ok(defaults.size > 80, `only ${defaults.size} rows were read`);
  assert.deepEqual(unstated, []);
});

test('the page of the command line names every command and option', () => {
  const page = read('docs/reference/command-line.md');
  for (const command of commands().commands) {
    const [, section = ''] = page.split(`\n## portico ${command.name()}\n`);
    const options = section.split('\n## ')[0] ?? '';
    assert.ok(options.includes(command.description()), command.name());
    for (const { flags } of command.options) assert.ok(options.includes(`\`${flags}\``), `${command.name()} ${flags}`);
  }
});

/** Rows of the table under a heading, cell by cell. */
function rowsOf(page: string, heading: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section.split('\n').flatMap((line) =>
    line.startsWith('| `')
      ? [
          line
            .split('|')
            .slice(1, -1)
            .map((text) => text.trim()),
        ]
      : [],
  );
}

test('the table of reasons is that of the code, each with its status, its meaning and what to do', () => {
  const rows = rowsOf(read('docs/errors.md'), 'Reasons');
  assert.deepEqual(
    rows.map(([reason, status]) => [reason, status]),
    Object.entries(reasons).map(([reason, status]) => [`\`${reason}\``, status]),
  );
  for (const row of rows) assert.ok(row.length === 4 && row.every((text) => text !== ''), row.join());
});

test('CONTRIBUTING names every npm script, and what it says CI runs is what .ci/run calls', () => {
  const page = read('CONTRIBUTING.md');
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
  const called = (text: string) =>
    [...text.matchAll(/npm (?:run (?:-s |--silent )?)?([\w:]+)/g)].map(([, name]) => name ?? '').filter((name) => Object.hasOwn(scripts, name));
  assert.deepEqual([...new Set(called(page))].sort(), Object.keys(scripts).sort());
  const commands = (text: string) => called(text.replace(/^step .*$/gm, '').replace(/#.*$/gm, ''));
  assert.deepEqual(commands(read('.ci/run')), commands(/```sh ci\n([\s\S]*?)```/.exec(page)?.[1] ?? ''));
});
