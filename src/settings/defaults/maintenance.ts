import { z } from 'zod';
import { areTexts, parseTime, textBytesMax, textsMax } from '../../core/kit/maintenance-rules.ts';

const until = z
  .string()
  .refine((text) => parseTime(text) !== undefined)
  .meta({ 'x-text': 'a time with its zone, such as "2026-11-26T22:00:00Z"' })
  .describe('When it ends by itself, at most 7 days after the start. A time that has passed does nothing.');

const texts = z
  .record(z.string(), z.string())
  .refine(areTexts)
  .default({})
  .meta({ 'x-text': `plain texts by language tag, such as {en: "…", de: "…"}: at most ${textsMax}, each of at most ${textBytesMax} bytes` })
  .describe('Texts for users by language. In another language, and if unset, users read the text of the reason MAINTENANCE.');

export const maintenance = z
  .strictObject({ until, texts })
  .optional()
  .describe('Refuses clients for a time, with a text. Unset: clients are served. `/switches` does it at run time.');
