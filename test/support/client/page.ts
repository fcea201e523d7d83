// The code blocks of a page of the docs, for tests that do what it says.
import { readFileSync } from 'node:fs';

export type Block = {
  /** "sh", "ts", "proto", "diff", … */
  readonly language: string;
  /** `file=…` of its first line. */
  readonly file: string | undefined;
  /** Other words of its first line. */
  readonly words: readonly string[];
  readonly text: string;
};

/** The fenced blocks in their order. */
export function blocksOf(path: string): readonly Block[] {
  return [...readFileSync(path, 'utf8').matchAll(/^```(\S+)([^\n]*)\n(.*?)^```$/gms)].map(([, language = '', rest = '', text = '']) => {
    const words = rest.trim().split(/\s+/);
    return { language, file: words.find((word) => word.startsWith('file='))?.slice('file='.length), words, text };
  });
}
