// The prose of a file, line by line: pages without their code, and the comments and texts of sources.

/** A line of prose with its number, from 1. */
export type ProseLine = { readonly line: number; readonly text: string };

/** Prose without inline code and link targets. Strings of a source count if they have a space: others are names. */
export function proseOf(file: string, source: string): readonly ProseLine[] {
  return linesOf(file, source).map(({ line, text }) => ({ line, text: text.replace(/`[^`]*`/g, '``').replace(/\]\([^)]*\)/g, ']()') }));
}

/** Whole lines whose width is bounded: not tables, code and strings. A link target does not count. */
export function wideProse(file: string, source: string, widthMax: number): readonly ProseLine[] {
  const lines = file.endsWith('.md') ? linesOf(file, source).filter(({ text }) => !text.startsWith('|')) : commentLines(source);
  return lines.filter(({ text }) => [...text.replace(/\]\([^)]*\)/g, ']')].length > widthMax);
}

function linesOf(file: string, source: string): readonly ProseLine[] {
  if (file.endsWith('.md')) return numbered(source.replace(/^ *```.*?^ *```$/gms, (block) => block.replace(/.+/g, '')));
  const strings = file.endsWith('.ts') ? partsOf(source).filter(({ comment, text }) => !comment && text.includes(' ')) : [];
  return [...partsOf(source).filter(({ comment }) => comment), ...strings].flatMap(({ line, text }) =>
    text.split('\n').map((part, i) => ({ line: line + i, text: part })),
  );
}

/** Lines of a source that consist of a comment alone. */
function commentLines(source: string): readonly ProseLine[] {
  return numbered(source).filter(({ text }) => /^\s*(?:\/\/(?! biome-ignore)|\/?\*)/.test(text));
}

function numbered(text: string): readonly ProseLine[] {
  return text.split('\n').map((line, i) => ({ line: i + 1, text: line }));
}

/** Comments, strings and regular expressions; the last only so that a quote in one begins no string. */
const tokens =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`)|(?<=[=(,:!&|?;[{}\n]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//g;

function partsOf(source: string): readonly { readonly line: number; readonly text: string; readonly comment: boolean }[] {
  return [...source.matchAll(tokens)].flatMap(({ index, groups }) => {
    const { comment, text } = groups ?? {};
    if (comment === undefined && text === undefined) return [];
    return { line: source.slice(0, index).split('\n').length, text: comment ?? text?.slice(1, -1) ?? '', comment: comment !== undefined };
  });
}
