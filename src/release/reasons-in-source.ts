import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { statusCodes } from '../core/kit/reasons.ts';

/**
 * The reasons that an app's code throws or translates to, each with its position. Texts that are composed at run time
 * are not found.
 * @param folder of the release; a bundle has no sources, and therefore no reasons
 */
export function reasonsInSource(folder: string): readonly { readonly reason: string; readonly place: string }[] {
  const app = join(folder, 'src/app');
  if (!existsSync(app)) return [];
  return readdirSync(app, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
    .flatMap((file) => reasonsOf(readFileSync(join(app, file), 'utf8')).map(({ reason, line }) => ({ reason, place: `src/app/${file}:${line}` })));
}

/** `new Fault('…'`, with all texts of its first argument, such as those of a condition. */
const thrown = /\bnew\s+Fault\s*(?:<[^>]*>)?\s*\(([^,)]*)/g;
/** `{ NOT_FOUND: 'ORDER_UNKNOWN' }`, the parameter of translate. */
const translated = new RegExp(`\\b(?:${Object.keys(statusCodes).join('|')})\\s*:\\s*(['"\`][A-Z][A-Z0-9_]*['"\`])`, 'g');

/** @param text of a TypeScript file */
export function reasonsOf(text: string): readonly { readonly reason: string; readonly line: number }[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));
  return [...code.matchAll(thrown), ...code.matchAll(translated)]
    .flatMap((match) => {
      const line = code.slice(0, match.index).split('\n').length;
      return [...(match[1] ?? '').matchAll(/['"`]([A-Z][A-Z0-9_]*)['"`]/g)].map(([, reason = '']) => ({ reason, line }));
    })
    .sort((a, b) => a.line - b.line);
}
