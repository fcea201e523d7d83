import { readFileSync } from 'node:fs';
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Problem } from './problems.ts';

/** A settings file as plain data, with the place of each key. */
export type SettingsFile = {
  readonly data: unknown;
  /** By dotted key: "portico.yaml:12". */
  readonly places: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
};

/** Reads a YAML 1.2 file; JSON is YAML. */
export function readSettingsFile(path: string): SettingsFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { data: {}, places: new Map(), problems: [{ key: '', origin: path, message: `the settings file cannot be read (${code}).` }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const placeOf = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const problems = document.errors.map(({ message, pos }) => ({
    key: '',
    origin: placeOf(pos[0]),
    message: `is not YAML: ${message.split('\n')[0]}`,
  }));
  const places = new Map<string, string>();
  const walk = (node: unknown, key: string) => {
    if (isMap(node)) {
      for (const pair of node.items) {
        if (!isPair(pair) || !isScalar(pair.key)) continue;
        const inner = key === '' ? String(pair.key.value) : `${key}.${pair.key.value}`;
        places.set(inner, placeOf(pair.key.range?.[0] ?? 0));
        walk(pair.value, inner);
      }
    } else if (isSeq(node)) for (const [i, item] of node.items.entries()) walk(item, `${key}.${i}`);
  };
  walk(document.contents, '');
  return { data: problems.length > 0 ? {} : (document.toJS() ?? {}), places, problems };
}
