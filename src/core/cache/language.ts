/** Headers remembered with their answer: clients send a few hundred different ones, and an attacker any number. */
const rememberedMax = 1_000;
/** Wishes read of one header; clients send a handful. */
const wishesMax = 10;

/**
 * Makes any `accept-language` one of the configured locales, so that thousands of spellings share one answer (RFC 4647, lookup).
 * @param locales BCP 47 tags such as "en", "pt-BR"; the first is the default
 * @returns one of `locales`, always the same for the same header
 */
export function languageOf(locales: readonly [string, ...string[]]): (acceptLanguage: string | undefined) => string {
  const remembered = new Map<string, string>();
  return (header = '') => {
    const known = remembered.get(header);
    if (known !== undefined) return known;
    const locale = bestOf(header, locales);
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(header, locale);
    return locale;
  };
}

function bestOf(header: string, locales: readonly [string, ...string[]]): string {
  const wishes = header
    .split(',', wishesMax)
    .map((wish) => {
      const [range = '', ...parameters] = wish
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { range, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ range, quality }) => range !== '' && quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { range } of wishes) {
    if (range === '*') return locales[0];
    const subtags = range.split('-');
    for (let length = subtags.length; length > 0; length--) {
      const shorter = subtags.slice(0, length).join('-');
      const locale = locales.find((candidate) => candidate.toLowerCase() === shorter);
      if (locale !== undefined) return locale;
    }
    const regional = locales.find((candidate) => candidate.toLowerCase().split('-')[0] === subtags[0]); // "pt" finds "pt-BR"
    if (regional !== undefined) return regional;
  }
  return locales[0];
}
