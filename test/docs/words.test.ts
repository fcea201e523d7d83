// Prose in the terms of gRPC and HTTP caches: private metaphors have a standard term, which stands beside them here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { projectFiles } from '../support/server/clone.ts';
import { proseOf, wideProse } from './prose.ts';

const root = resolve(import.meta.dirname, '../..');

type Word = {
  /** What is avoided: a whole word or a turn of phrase, in any case. */
  readonly avoid: string;
  readonly use: string;
  /** Files where the word has its literal meaning. */
  readonly except?: RegExp;
};

const words: readonly Word[] = [
  { avoid: 'doors?', use: 'server, gateway, listener' },
  { avoid: 'houses?', use: 'harness, company', except: /^src\/sample\/parcels\.ts$/ },
  { avoid: '(?<!portico )phones?', use: 'client, device', except: /^docs\/mobile\// },
  { avoid: 'patience', use: 'wait budget' },
  { avoid: 'unmoved', use: 'current' },
  { avoid: '(?:tags?|versions?) (?:has |have )?moved', use: 'invalidated' },
  { avoid: 'told', use: 'reported, notified, sent, received' },
  { avoid: 'tells?', use: 'reports, states, distinguishes, notifies' },
  { avoid: 'heard|hears?', use: 'receives' },
  { avoid: '(?:is|are|was|were|be|been) gone', use: 'is unavailable, was removed' },
  { avoid: 'judges?|judged|judging', use: 'verifies, decides, refuses' },
  { avoid: 'remembers? (?:an |the )?answers?|remembered', use: 'caches, cached, stored' },
  { avoid: 'comes? by|came by', use: 'produced by' },
  { avoid: 'mends?|mended|mending', use: 'fixes, repairs' },
  { avoid: "nobody's|anybody|everybody", use: 'no one, anyone, every user' },
  { avoid: 'news', use: 'events' },
  { avoid: 'players?|walks?|walked', use: 'scenario' },
];

/** An example in quotes of a name that a person gives a device, as "my phone". */
const examples = /"(?:my|Ann's) phone"/g;

const checked = /^(?:docs\/.*|README|CONTRIBUTING)\.md$|^proto\/.*\.proto$|^src\/(?!gen\/).*\.ts$/;
const files = projectFiles()
  .filter((file) => checked.test(file))
  .map((file) => ({ file, source: readFileSync(join(root, file), 'utf8').replace(examples, '') }));

describe('words that have a standard term are avoided', () => {
  const texts = files.map(({ file, source }) => ({ file, prose: proseOf(file, source) }));
  for (const { avoid, use, except } of words)
    test(`${avoid}: ${use}`, () => {
      const pattern = new RegExp(`\\b(?:${avoid})\\b`, 'i');
      const found = texts
        .filter(({ file }) => except?.test(file) !== true)
        .flatMap(({ file, prose }) => prose.filter(({ text }) => pattern.test(text)).map(({ line, text }) => `${file}:${line}: ${text.trim()}`));
      assert.deepEqual(found, []);
    });
});

test('prose lines are at most 120 characters wide', () => {
  const wide = files.flatMap(({ file, source }) => wideProse(file, source, 120).map(({ line }) => `${file}:${line}`));
  assert.deepEqual(wide, []);
});

test('prose is the text of a page, and the comments and strings of a source', () => {
  const page = 'One `told` [two](told.md)\n```sh\ntold\n```\nthree\n';
  assert.deepEqual(
    proseOf('a.md', page).filter(({ text }) => text !== ''),
    [
      { line: 1, text: 'One `` [two]()' },
      { line: 5, text: 'three' },
    ],
  );
  const source = ["const told = /['/]/; // one", "call('told', `two words", "and three`, 'told');", '/** four', ' * five */'].join('\n');
  const found = [...proseOf('a.ts', source)].sort((a, b) => a.line - b.line).map(({ line, text }) => `${line} ${text}`);
  assert.deepEqual(found, ['1 // one', '2 two words', '3 and three', '4 /** four', '5  * five */']);
});
