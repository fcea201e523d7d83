import { memo } from './memo.ts';

/** The largest number of cached headers: clients send a few hundred different ones, and an attacker any number. */
const rememberedMax = 1_000;
/** The longest cached header in characters; those of apps and browsers have a hundred at most. */
const rememberedLengthMax = 200;
/** The number of language ranges read from one header. Clients send a few. */
const wishesMax = 10;

type Wish = { readonly range: string; readonly quality: number };

/**
 * The best locale for an `accept-language`: ranges by descending weight, each shortened until a locale matches (RFC
 * 9110, section 12.5.4; RFC 4647, section 3.4, lookup). Beyond this lookup "pt" also matches "pt-BR", and so does
 * "pt-PT" if no locale is nearer.
 * @param locales BCP 47 tags such as "en", "pt-BR", the preferred one first
 * @returns one of `locales`, or undefined when none of them matches
 */
export function bestLanguage(acceptLanguage: string, locales: readonly string[]): string | undefined {
  const wishes = wishesOf(acceptLanguage);
  const acceptable = locales.filter((locale) => qualityOf(locale.toLowerCase(), wishes) !== 0);
  const wanted = wishes.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality);
  for (const { range } of wanted) {
    const found = range === '*' ? acceptable[0] : lookup(range, acceptable);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Makes any `accept-language` one of some locales, so that thousands of spellings share one answer.
 * @param otherwise the locale where none matches
 * @returns always the same for the same header
 */
export function languageOf(locales: readonly string[], otherwise: string): (acceptLanguage: string | undefined) => string {
  const known = memo<string>(rememberedMax, rememberedLengthMax);
  return (header = '') => known(header, () => bestLanguage(header, locales) ?? otherwise);
}

function wishesOf(header: string): readonly Wish[] {
  return header.split(',', wishesMax).flatMap((text) => {
    const [range = '', ...parameters] = text
      .toLowerCase()
      .split(';')
      .map((part) => part.trim());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = weight === undefined ? 1 : qualityIn(weight);
    return quality === undefined || !/^(\*|[a-z]{1,8}(-[a-z0-9]{1,8}){0,8})$/.test(range) ? [] : [{ range, quality }];
  });
}

/** RFC 9110, section 12.4.2: from 0 to 1, with at most three digits. A range with an invalid weight is ignored. */
function qualityIn(weight: string): number | undefined {
  const [, text] = /^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(weight) ?? [];
  return text === undefined ? undefined : Number(text);
}

/**
 * The weight of the nearest range that contains a locale. "de;q=0" also excludes "de-AT", unless that is listed itself.
 */
function qualityOf(locale: string, wishes: readonly Wish[]): number | undefined {
  const around = wishes.filter(({ range }) => locale === range || locale.startsWith(`${range}-`));
  return around.sort((a, b) => b.range.length - a.range.length)[0]?.quality;
}

function lookup(range: string, locales: readonly string[]): string | undefined {
  const subtags = range.split('-');
  for (let length = subtags.length; length > 0; length--) {
    if (subtags[length - 1]?.length === 1 && length > 1) continue; // a single letter introduces the next subtag
    const shorter = subtags.slice(0, length).join('-');
    const found =
      locales.find((locale) => locale.toLowerCase() === shorter) ?? locales.find((locale) => locale.toLowerCase().startsWith(`${shorter}-`));
    if (found !== undefined) return found;
  }
  return undefined;
}
