import { LocalizedMessage } from '../../gen/google/rpc/error_details.ts';
import { bestLanguage } from '../kit/best-language.ts';
import { clip } from '../kit/clip-text.ts';
import { localizedBytesMax } from './error-text-bounds.ts';

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
