import { bestLanguage } from '../../kit/best-language.ts';

/** The largest number of cached headers: clients send a few hundred different ones, and an attacker any number. */
const rememberedMax = 1_000;
/** The longest cached header in characters; those of apps and browsers have a hundred at most. */
const rememberedLengthMax = 200;

/**
 * Makes any `accept-language` one of the configured locales, so that thousands of spellings share one answer (RFC 4647,
 * lookup).
 * @param locales BCP 47 tags such as "en", "pt-BR"; the first is the default
 * @returns one of `locales`, always the same for the same header
 */
export function languageOf(locales: readonly [string, ...string[]]): (acceptLanguage: string | undefined) => string {
  const remembered = new Map<string, string>();
  return (header = '') => {
    const known = remembered.get(header);
    if (known !== undefined) return known;
    const locale = bestLanguage(header, locales) ?? locales[0];
    if (header.length > rememberedLengthMax) return locale;
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(header, locale);
    return locale;
  };
}
