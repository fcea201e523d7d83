/** Wishes read of one header; clients send a handful. */
const wishesMax = 10;

type Wish = { readonly range: string; readonly quality: number };

/**
 * The locale that an `accept-language` asks for: what is wished most first, each range made shorter until something fits (RFC 9110, section 12.5.4; RFC 4647, section 3.4, lookup). Beyond
 * the lookup "pt" also finds "pt-BR", and "pt-PT" does where there is nothing nearer.
 * @param locales BCP 47 tags such as "en", "pt-BR", the preferred one first
 * @returns one of `locales`, or undefined when none of them is wished
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

function wishesOf(header: string): readonly Wish[] {
  return header.split(',', wishesMax).flatMap((text) => {
    const [range = '', ...parameters] = text
      .toLowerCase()
      .split(';')
      .map((part) => part.trim());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = weight === undefined ? 1 : qualityIn(weight);
    return quality === undefined || !/^(\*|[a-z]{1,8}(-[a-z0-9]{1,8})*)$/.test(range) ? [] : [{ range, quality }];
  });
}

/** RFC 9110, section 12.4.2: from 0 to 1, three digits at most. A wish whose weight is none counts for nothing. */
function qualityIn(weight: string): number | undefined {
  const [, text] = /^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(weight) ?? [];
  return text === undefined ? undefined : Number(text);
}

/** The weight that the nearest range around a locale gives it. "de;q=0" rules "de-AT" out, too, unless that is named itself. */
function qualityOf(locale: string, wishes: readonly Wish[]): number | undefined {
  const around = wishes.filter(({ range }) => locale === range || locale.startsWith(`${range}-`));
  return around.sort((a, b) => b.range.length - a.range.length)[0]?.quality;
}

function lookup(range: string, locales: readonly string[]): string | undefined {
  const subtags = range.split('-');
  for (let length = subtags.length; length > 0; length--) {
    if (subtags[length - 1]?.length === 1 && length > 1) continue; // a single letter only begins what stands behind it
    const shorter = subtags.slice(0, length).join('-');
    const found =
      locales.find((locale) => locale.toLowerCase() === shorter) ?? locales.find((locale) => locale.toLowerCase().startsWith(`${shorter}-`));
    if (found !== undefined) return found;
  }
  return undefined;
}
