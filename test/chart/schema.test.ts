import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');

test("the schema of the chart's values is that of the settings: `npm run generate` after a change", () => {
  const made = execFileSync(process.execPath, [join(root, 'scripts/chart-schema.ts'), '--print'], { encoding: 'utf8' });
  assert.equal(readFileSync(join(root, 'helm/portico/values.schema.json'), 'utf8'), made);
});

test("the defaults that templates see are those of the chart's values: `npm run generate` after a change", () => {
  const made = execFileSync(process.execPath, [join(root, 'scripts/chart-schema.ts'), '--print-defaults'], { encoding: 'utf8' });
  assert.equal(readFileSync(join(root, 'helm/portico/templates/_defaults.tpl'), 'utf8'), made);
});

test("the chart's README has its values: `npm run generate` after a change", () => {
  const made = execFileSync(process.execPath, [join(root, 'scripts/chart-schema.ts'), '--print-readme'], { encoding: 'utf8' });
  assert.equal(readFileSync(join(root, 'helm/portico/README.md'), 'utf8'), made);
});

test('the annotations of Chart.yaml are those of Artifact Hub, with changes as it reads them', () => {
  const { annotations } = parse(readFileSync(join(root, 'helm/portico/Chart.yaml'), 'utf8')) as { readonly annotations: Record<string, string> };
  // https://artifacthub.io/docs/topics/annotations/helm/
  for (const key of Object.keys(annotations)) assert.match(key, /^artifacthub\.io\/(category|license|operator|prerelease|changes)$/);
  for (const value of Object.values(annotations)) assert.equal(typeof value, 'string');
  const changes = parse(annotations['artifacthub.io/changes'] ?? '') as readonly { readonly kind: string; readonly description: string }[];
  for (const { kind, description } of changes) {
    assert.match(kind, /^(added|changed|deprecated|removed|fixed|security)$/);
    assert.ok(description.length > 0);
  }
});

test("the chart's version of the app is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  assert.match(readFileSync(join(root, 'helm/portico/Chart.yaml'), 'utf8'), new RegExp(`^appVersion: ${version.replaceAll('.', '\\.')}$`, 'm'));
});
