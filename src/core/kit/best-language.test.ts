import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bestLanguage } from './best-language.ts';

const table: readonly (readonly [header: string, locales: readonly string[], best: string | undefined])[] = [
  ['de', ['en', 'de'], 'de'],
  ['DE', ['en', 'de'], 'de'],
  ['de-AT', ['en', 'de'], 'de'],
  ['de-Latn-AT-1996', ['en', 'de'], 'de'],
  ['de-CH, de;q=0.5', ['en', 'de', 'de-CH'], 'de-CH'],
  ['en;q=0.1, de;q=0.9', ['en', 'de'], 'de'],
  ['en ; Q=0.1 , de ; q=0.9', ['en', 'de'], 'de'],
  ['de;q=0.5, en;q=0.5', ['en', 'de'], 'de'],
  ['de;q=0, en', ['en', 'de'], 'en'],
  ['de;q=0, *', ['de', 'en'], 'en'],
  ['de;q=0', ['en', 'de'], undefined],
  ['de, de-AT;q=0', ['de-AT', 'de'], 'de'],
  ['de;q=0, de-AT', ['de', 'de-AT'], 'de-AT'],
  ['*', ['en', 'de'], 'en'],
  ['fr, *;q=0.1', ['en', 'de'], 'en'],
  ['fr', ['en', 'de'], undefined],
  ['', ['en', 'de'], undefined],
  ['pt', ['en', 'pt-BR'], 'pt-BR'],
  ['pt-PT', ['en', 'pt-BR'], 'pt-BR'],
  ['zh-Hant-TW', ['zh-Hans', 'zh-Hant'], 'zh-Hant'],
  ['zh-a-TW', ['zh'], 'zh'],
  ['de;q=2, en', ['en', 'de'], 'en'],
  ['de;q=0.1234, en;q=0.1', ['en', 'de'], 'en'],
  ['de;q=, en;q=0.1', ['en', 'de'], 'en'],
  ['de;level=1;q=0.2, en;q=0.1', ['en', 'de'], 'de'],
  [',, ,de', ['en', 'de'], 'de'],
  ['__proto__, constructor, de', ['en', 'de'], 'de'],
];
for (const [header, locales, best] of table) {
  test(`"${header}" of ${locales.join(', ')} is ${best}`, () => assert.equal(bestLanguage(header, locales), best));
}

test('whatever is sent, one of the locales is chosen, or none', () => {
  const locales = ['en', 'de', 'pt-BR', 'zh-Hant'];
  const wish = fc.tuple(
    fc.constantFrom('de', 'EN', 'pt', 'pt-PT', 'zh-Hant-TW', '*', '', 'x-', '-'),
    fc.constantFrom('', ';q=0', ';q=1', ';q=0.5', ';q=x'),
  );
  const headers = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(wish).map((wishes) => wishes.flat().join()),
  );
  fc.assert(
    fc.property(headers, (header) => {
      const best = bestLanguage(header, locales);
      assert.ok(best === undefined || locales.includes(best));
    }),
  );
});

test('a language that is ruled out is not chosen', () => {
  fc.assert(
    fc.property(fc.subarray(['de', 'en', 'fr'], { minLength: 1 }), fc.constantFrom('de', 'en', 'fr'), (wishes, out) => {
      const header = [...wishes.filter((wish) => wish !== out), `${out};q=0`].join(', ');
      assert.notEqual(bestLanguage(header, ['de', 'en', 'fr']), out);
    }),
  );
});
