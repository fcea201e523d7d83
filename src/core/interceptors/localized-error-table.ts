import { LocalizedMessage } from '../../gen/google/rpc/error_details.ts';
import { bestLanguage } from '../kit/best-language.ts';
import { clip } from '../kit/clip-text.ts';
import { memo } from '../kit/memo.ts';
import { reasons as coreReasons, type StatusName } from '../kit/reasons.ts';
import { localizedBytesMax } from './error-size-limits.ts';
import { en } from './messages/en.ts';

/** A status but for what differs from call to call. */
export type Prepared = { readonly code: number; readonly message: string; readonly bytes: Uint8Array };

export type ErrorTable = {
  /** ErrorInfo.domain: globally unique, of the service that answers (AIP-193). */
  readonly domain: string;
  /** The reasons of core and of the company with their gRPC status. */
  readonly reasons: Readonly<Record<string, StatusName>>;
  /**
   * The encoded google.rpc.LocalizedMessage of a reason for users, if it has a text.
   * @param own of this one error, by language tag: the nearest of them, if one fits or is English
   */
  readonly localized: (reason: string, acceptLanguage: string, own?: Messages) => Uint8Array | undefined;
  /** Statuses by all that they hold: a stranger may cause any number of refusals. */
  readonly plain: (name: string, make: () => Prepared) => Prepared;
};

/** Encoded statuses and texts that are kept, and the longest name of one in characters: within 500 KB. */
const keptMax = 200;
const keptNameMax = 400;

/**
 * Joins core's reasons and messages with the company's.
 * @param team messages are by locale ("en", "de") and reason; English has one for every reason of core
 * @throws Error when a reason of the company has the name of one of core's
 */
export function errorTable(
  domain: string,
  team: { readonly reasons?: Readonly<Record<string, StatusName>>; readonly messages?: Readonly<Record<string, Messages>> } = {},
): ErrorTable {
  for (const reason of Object.keys(team.reasons ?? {})) {
    if (Object.hasOwn(coreReasons, reason)) throw new Error(`The reason ${reason} is one of core's: give yours another name.`);
  }
  const locales = { ...team.messages, en: { ...team.messages?.en, ...en } };
  const localized = (reason: string, acceptLanguage: string, own: Messages = {}) => {
    const byLocale = Object.fromEntries(Object.entries(own).map(([locale, text]) => [locale, { [reason]: text }]));
    return localize(byLocale, reason, acceptLanguage) ?? localize(locales, reason, acceptLanguage);
  };
  return { domain, reasons: { ...team.reasons, ...coreReasons }, localized, plain: memo(keptMax, keptNameMax) };
}

/** Texts for users, by reason. */
export type Messages = Readonly<Record<string, string>>;

/** The encoded google.rpc.LocalizedMessage of a reason in the requested language, or in English. */
export function localize(messages: Readonly<Record<string, Messages>>, reason: string, acceptLanguage: string): Uint8Array | undefined {
  const textOf = (locale: string) => {
    const texts = messages[locale];
    return texts !== undefined && Object.hasOwn(texts, reason) ? texts[reason] : undefined;
  };
  const locales = ['en', ...Object.keys(messages)].filter((locale) => textOf(locale) !== undefined);
  const locale = bestLanguage(acceptLanguage, locales) ?? 'en';
  const text = textOf(locale);
  return text === undefined ? undefined : LocalizedMessage.encode({ locale, message: clip(text, localizedBytesMax) }).finish();
}
