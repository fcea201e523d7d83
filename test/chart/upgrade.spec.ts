// A release of the chart before it had autoscaling, routes and the rest is upgraded with the values that it was installed with.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { chart, checkManifests, type Manifest, type Rendered, renderFiles, root } from './helm.ts';

/** The last commit with that chart. */
const before = '53e9c29';
const folder = mkdtempSync(join(tmpdir(), 'portico-chart-before-'));
after(() => rmSync(folder, { recursive: true }));
const archive = execFileSync('git', ['archive', before, 'helm/portico', 'test/chart/values'], { cwd: root, maxBuffer: 64 * 1_048_576 });
execFileSync('tar', ['-x', '-C', folder], { input: archive });

const keyOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;
const byKey = ({ manifests }: Rendered) => new Map(manifests.map((manifest) => [keyOf(manifest), manifest]));
type Specs = { readonly selector?: unknown; readonly type?: string; readonly clusterIP?: string; readonly ports?: readonly unknown[] };

for (const name of ['least', 'everything', 'behind-a-proxy']) {
  const values = [join(folder, 'test/chart/values', `${name}.yaml`)];
  const old = () => renderFiles(values, { chart: join(folder, 'helm/portico') });
  const now = () => renderFiles(values, { chart });

  test(`${name}: the values of before are accepted, and make what Kubernetes takes`, () => {
    assert.match(checkManifests(now().text), /^\d+ manifests, 0 wrong$/m);
  });

  test(`${name}: every object of before is still there, and what cannot be changed in one is as it was`, () => {
    const upgraded = byKey(now());
    for (const [key, manifest] of byKey(old())) {
      const after = upgraded.get(key);
      assert.ok(after !== undefined, `${key} would be deleted`);
      const [was, is] = [manifest.spec as Specs | undefined, after.spec as Specs | undefined];
      assert.deepEqual([is?.selector, is?.type, is?.clusterIP], [was?.selector, was?.type, was?.clusterIP], key);
      if (manifest.kind === 'Service') assert.deepEqual(is?.ports, was?.ports, key);
    }
  });

  test(`${name}: without a switch the upgrade adds only the headless Service and the pod of the test`, () => {
    const there = byKey(old());
    assert.deepEqual(
      now()
        .manifests.filter((manifest) => !there.has(keyOf(manifest)))
        .map(({ kind, metadata }) => `${kind} ${metadata.name.replace(/^.*-/, '')}`)
        .sort(),
      ['Pod test', 'Service peers'],
    );
  });

  test(`${name}: the settings are those of before, with the namespace of the test`, () => {
    const settingsOf = (of: Rendered) => {
      const config = of.manifests.find(({ kind }) => kind === 'ConfigMap')?.data as Record<string, string>;
      return parse(config['portico.yaml'] ?? '') as { readonly live?: unknown };
    };
    const { live, ...rest } = settingsOf(now());
    assert.deepEqual(rest, settingsOf(old()));
    assert.deepEqual(live, { namespaces: { 'portico-probe': { listen: 'owner', history: 10, historyAge: '1m' } } });
  });
}
