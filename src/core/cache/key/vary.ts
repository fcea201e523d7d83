import type { ReadyCall } from '../../ports/call.ts';

/** Of metadata named in `vary`; a call with a longer value is answered, but neither stored nor joined. Characters. */
export const varyValueMax = 256;

/** The language of ours that suits an accept-language best: otherwise each of its spellings had an entry of its own. */
export type LanguageOf = (acceptLanguage: string | undefined) => string;

/** The values of a key of `vary` as an answer may depend on them. */
export function varyValue({ metadata }: ReadyCall, key: string, language: LanguageOf): (string | Uint8Array)[] {
  return key === 'accept-language' ? [language(metadata.get('accept-language'))] : metadata.getAll(key);
}
