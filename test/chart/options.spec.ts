// Each file in values/options turns one part of the chart on, over another set of values: Helm accepts it, the types of Kubernetes and of the operators accept what it
// renders, and what it adds or changes is what is in golden/options.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { chart, checkManifests, helm, kubeVersions, type Rendered, render, valuesFile } from './helm.ts';

const folder = join(import.meta.dirname, 'values/options');
const options = readdirSync(folder)
  .sort()
  .map((file) => ({ name: basename(file, '.yaml'), file: join(folder, file), base: baseOf(join(folder, file)) }));

/** The first line of the file names the values that it is put over. */
function baseOf(file: string): string {
  const base = /^# over ([-a-z]+)\b/.exec(readFileSync(file, 'utf8'))?.[1];
  assert.ok(base !== undefined && existsSync(valuesFile(base)), `${file}: "# over NAME" is its first line`);
  return base;
}

for (const { name, file, base } of options) {
  test(`${name}: Helm accepts it, and has no warning`, () => {
    const { code, output } = helm('lint', chart, '--strict', '--kube-version', kubeVersions[0], '-f', valuesFile(base), '-f', file);
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /\[(WARNING|ERROR)\]/);
  });

  test(`${name}: the types of Kubernetes and of the operators accept every manifest, no field unknown`, () => {
    for (const kube of kubeVersions) assert.match(checkManifests(render(base, { over: [file], kube }).text), /^\d+ manifests, 0 wrong$/m);
  });

  test(`${name}: what it adds and changes is what is in golden/options/ (UPDATE_GOLDEN=1 writes it anew)`, () => {
    const golden = join(import.meta.dirname, 'golden/options', `${name}.yaml`);
    const text = difference(render(base), render(base, { over: [file] }));
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, text);
    assert.equal(text, readFileSync(golden, 'utf8'));
  });
}

test('every golden file is of an option that is there', () => {
  assert.deepEqual(readdirSync(join(import.meta.dirname, 'golden/options')).sort(), readdirSync(folder).sort());
});

/** The manifests that only `after` has; of those that both have, the lines that differ; the names of those that only `before` has. */
function difference(before: Rendered, after: Rendered): string {
  const documents = ({ text }: Rendered) =>
    new Map(
      text
        .split(/^---\n/m)
        .filter((document) => document.trim() !== '')
        .map((document) => [`${/^kind: (.+)$/m.exec(document)?.[1]} ${/^ {2}name: (.+)$/m.exec(document)?.[1]}`, document]),
    );
  const [old, now] = [documents(before), documents(after)];
  return [
    ...[...old.keys()].filter((title) => !now.has(title)).map((title) => `# without ${title}\n`),
    ...[...now]
      .filter(([title, document]) => old.get(title) !== document)
      .map(([title, document]) => {
        const was = old.get(title);
        return was === undefined ? `---\n${document}` : `# ${title}\n${changedLines(was, document)}`;
      }),
  ].join('');
}

function changedLines(before: string, after: string): string {
  // as Kubernetes reads it (YAML 1.1): neither quotes nor the order of keys make a difference
  const linesOf = (text: string) => stringify(parse(text, { version: '1.1' }), { sortMapEntries: true }).split('\n');
  const [old, now] = [linesOf(before), linesOf(after)];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `# -${line}\n`),
    ...now.filter((line) => !old.includes(line)).map((line) => `# +${line}\n`),
  ].join('');
}
