// The README of the chart, made from the comments of values.yaml: a row for each value.
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** @param values the text of values.yaml @returns Markdown */
export function chartReadme(values: string): string {
  const document = parseDocument(values);
  if (!isMap(document.contents)) throw new Error('values.yaml is no map.');
  const rows = rowsOf(document.contents, '');
  return `<!-- Made from values.yaml by npm run generate. -->
# The chart of Portico

[docs/operating/kubernetes.md](../../docs/operating/kubernetes.md) is how to install it, with the secrets it needs.
[examples](examples) has values to begin with: \`demo.yaml\`, \`production.yaml\`, and over it \`large.yaml\`, with a Redis
Cluster or, over that, with \`large-sentinels.yaml\`.

| value | default | meaning |
|---|---|---|
${rows.map(({ key, value, text }) => `| \`${key}\` | ${value} | ${text} |`).join('\n')}
`;
}

type Row = { readonly key: string; readonly value: string; readonly text: string };

function rowsOf(map: YAMLMap, prefix: string): readonly Row[] {
  return map.items.flatMap((pair, at) => rowsOfPair(pair as Pair, prefix, at === 0 ? map.commentBefore : undefined));
}

/** @param above the comment above the first key of a map, which belongs to the map */
function rowsOfPair({ key, value }: Pair, prefix: string, above: string | null | undefined): readonly Row[] {
  if (!isScalar(key)) throw new Error('A key of values.yaml is no text.');
  const path = `${prefix}${key.value}`;
  const text = textOf(key.commentBefore ?? above ?? '');
  if (isMap(value) && value.items.length > 0 && path.split('.').length < 4 && !isLeaf(path)) {
    const rows = rowsOf(value, `${path}.`);
    return text === '' ? rows : [{ key: path, value: '', text }, ...rows];
  }
  const json = JSON.stringify((value as { toJSON(): unknown } | null)?.toJSON() ?? null);
  return [{ key: path, value: `\`${json.replaceAll('|', '\\|')}\``, text }];
}

/** What is a value of Kubernetes as a whole. */
function isLeaf(path: string): boolean {
  return /(^|\.)(resources|labels)$/.test(path);
}

/** The last paragraph: those before it are of the file, or of a part. */
function textOf(comment: string): string {
  const last = comment.split(/\n\s*\n/).at(-1) ?? '';
  return last
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .replaceAll('|', '\\|')
    .trim();
}
