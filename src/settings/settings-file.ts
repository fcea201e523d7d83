import { readFileSync } from 'node:fs';
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Problem } from './settings-error.ts';

/** A settings file as plain data, with the position of each key. */
export type SettingsFile = {
  readonly data: object;
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
    return { data: {}, places: new Map(), problems: [{ key: '', origin: path, message: `this settings file cannot be read (${code}).` }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const placeOf = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const problems: Problem[] = document.errors.map(({ message, pos }) => ({
    key: '',
    origin: placeOf(pos[0]),
    message: `is not YAML: ${message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')}.`,
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
    } else if (isSeq(node))
      for (const [i, item] of node.items.entries()) {
        if (isNode(item)) places.set(`${key}.${i}`, placeOf(item.range?.[0] ?? 0));
        walk(item, `${key}.${i}`);
      }
    else if (isAlias(node) && node.resolve(document) === undefined)
      problems.push({
        key,
        origin: placeOf(node.range?.[0] ?? 0),
        message: `*${node.source} stands for an anchor, and there is none of this name. Quote a text that begins with "*".`,
      });
  };
  walk(document.contents, '');
  if (problems.length > 0) return { data: {}, places, problems };
  let data: unknown;
  try {
    data = withoutNulls(document.toJS()) ?? {};
  } catch (error) {
    // aliases in keys, or more of them than any file needs
    problems.push({ key: '', origin: `${path}:1`, message: `is not YAML: ${error instanceof Error ? error.message : error}.` });
    return { data: {}, places, problems };
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return { data, places, problems };
  return { data: {}, places, problems: [{ key: '', origin: `${path}:1`, message: 'a settings file holds keys, such as `public: {port: 8443}`.' }] };
}

/** A key without a value (everything below it is commented out) has no effect. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const said = Object.entries(value).map(([key, inner]) => [key, withoutNulls(inner)] as const);
  return Object.fromEntries(said.filter(([, inner]) => inner !== undefined));
}
