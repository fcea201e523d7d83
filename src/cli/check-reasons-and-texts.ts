import { nearest } from '../core/kit/did-you-mean.ts';
import { statusCodes } from '../core/kit/reasons.ts';
import type { App } from '../core/screen/define-app.ts';

type Texts = Readonly<Record<string, string>>;

/**
 * The missing texts of an app. Each of its reasons needs a text in English, and each of its locales needs one for every
 * reason, core's included.
 * @param coreTexts core's English texts by reason
 * @returns a line for each text that is missing or belongs to no reason
 */
export function textProblems({ reasons, messages }: Pick<App, 'reasons' | 'messages'>, coreTexts: Texts): readonly string[] {
  const own = Object.keys(reasons);
  const all = [...own, ...Object.keys(coreTexts)];
  const english = own
    .filter((reason) => !isThere(messages.en ?? {}, reason))
    .map((reason) => `src/app/messages/en.ts has no text for ${reason}: users of other languages would read none either.`);
  const others = Object.entries(messages).flatMap(([locale, texts]) => [
    ...(isLanguageTag(locale)
      ? []
      : [`src/app/messages: "${locale}" is no language tag of BCP 47, such as "de" or "pt-BR": nobody would read its texts.`]),
    ...(locale === 'en' ? [] : missingOf(locale, texts, all)),
    ...Object.keys(texts)
      .filter((reason) => !all.includes(reason))
      .map((reason) => `src/app/messages/${locale}.ts has a text for ${reason}, which is no reason.${didYouMean(reason, all)}`),
  ]);
  return [...english, ...others];
}

function missingOf(locale: string, texts: Texts, all: readonly string[]): readonly string[] {
  const missing = all.filter((reason) => !isThere(texts, reason));
  if (missing.length === 0) return [];
  return [`src/app/messages/${locale}.ts has no text for ${missing.join(', ')}: its users would read English.`];
}

/** An empty text is none: a user would read nothing. */
function isThere(texts: Texts, reason: string): boolean {
  return Object.hasOwn(texts, reason) && texts[reason]?.trim() !== '';
}

function isLanguageTag(locale: string): boolean {
  try {
    return Intl.getCanonicalLocales(locale).length > 0;
  } catch {
    return false; // with "_", as in names of files
  }
}

/** A reason in the code of an app. */
export type UsedReason = { readonly reason: string /** "src/app/orders/orders.ts:12" */; readonly place: string };

/** @param coreReasons reasons that an app need not list */
export function reasonProblems(used: readonly UsedReason[], { reasons }: Pick<App, 'reasons'>, coreReasons: readonly string[]): readonly string[] {
  const own = Object.keys(reasons);
  const known = [...own, ...coreReasons];
  const unlisted = used
    .filter(({ reason }) => !known.includes(reason))
    .map(({ reason, place }) => `${place}: the reason ${reason} is not listed in src/app/reasons.ts.${didYouMean(reason, known)}`);
  const misspelled = own
    .filter((reason) => !reasonFormat.test(reason))
    .map((reason) => `src/app/reasons.ts: the reason ${reason} is not written in capitals, such as ORDER_UNKNOWN, of at most 63 characters.`);
  const taken = own
    .filter((reason) => coreReasons.includes(reason))
    .map((reason) => `src/app/reasons.ts: the reason ${reason} is one of core's: give yours another name.`);
  const wrong = Object.entries(reasons)
    .filter(([, status]) => !errorStatuses.includes(status))
    .map(
      ([reason, status]) =>
        `src/app/reasons.ts: the reason ${reason} has the status ${status}, which is no error of gRPC.${didYouMean(status, errorStatuses)}`,
    );
  return [...unlisted, ...misspelled, ...taken, ...wrong];
}

const errorStatuses: readonly string[] = Object.keys(statusCodes).filter((status) => status !== 'OK');

/** AIP-193, "ErrorInfo". */
const reasonFormat = /^[A-Z][A-Z0-9_]{1,61}[A-Z0-9]$/;

function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? '' : ` Did you mean ${near}?`;
}
