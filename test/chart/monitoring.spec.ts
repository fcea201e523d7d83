import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { chart, checkManifests, type Manifest, type Rendered, render } from './helm.ts';

const ofKind = ({ manifests }: Rendered, kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const all = ['monitoring.serviceMonitor.enabled', 'monitoring.rules.enabled', 'monitoring.dashboards.enabled'].map((key) => `${key}=true`);

test('the rules and dashboards arrive as they are in files/, templates of alerts included', () => {
  const of = render('everything', { sets: all });
  assert.match(checkManifests(of.text), /^\d+ manifests, 0 wrong$/m);
  const [rule] = ofKind(of, 'PrometheusRule');
  assert.deepEqual(rule?.spec, parse(readFileSync(join(chart, 'files/alerts.yaml'), 'utf8')));
  const dashboards = ofKind(of, 'ConfigMap').flatMap(({ data }) =>
    Object.entries(data as Record<string, string>).filter(([name]) => name.endsWith('.json')),
  );
  const files = readdirSync(join(chart, 'files/dashboards'));
  assert.deepEqual(dashboards.map(([name]) => name).sort(), files.sort());
  for (const [name, text] of dashboards) assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(join(chart, 'files/dashboards', name), 'utf8')));
});

test('one Service has the port that is scraped, and every pod has it', () => {
  const portsOf = (manifest: Manifest) => (manifest.spec as { readonly ports: readonly { readonly name: string }[] }).ports.map(({ name }) => name);
  const of = render('everything', { sets: all });
  assert.equal(ofKind(of, 'Service').filter((service) => portsOf(service).includes('admin')).length, 1);
});

test('without a switch there is no object of an operator', () => {
  for (const values of ['least', 'everything', 'behind-a-proxy'])
    for (const { apiVersion, kind } of render(values).manifests as readonly (Manifest & { readonly apiVersion: string })[])
      assert.doesNotMatch(apiVersion, /coreos|gateway|cert-manager|keda|gke/, kind);
});

test('two monitors at once are refused', () => {
  const sets = ['monitoring.serviceMonitor.enabled=true', 'monitoring.podMonitor.enabled=true'];
  assert.throws(() => render('least', { sets }), /keep one of them/);
});
