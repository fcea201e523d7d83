// The pictures of the dashboards: they show the panels of the chart's dashboards, and the script draws what queries mean.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { type Dashboard, pictureOf } from '../../scripts/dashboards/picture.ts';
import { pageOf, queryOf } from '../../scripts/dashboards/queries.ts';

const root = resolve(import.meta.dirname, '../..');
const dashboards = join(root, 'helm/portico/files/dashboards');
const panelsOf = (svg: string) => [...svg.matchAll(/data-panel="([^"]*)"/g)].map(([, title]) => title);

for (const file of readdirSync(dashboards))
  test(`the picture of ${file} has its panels, in their order, and most of them have data`, () => {
    const dashboard = JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as Dashboard;
    const picture = readFileSync(join(root, 'docs/operating', `dashboard-${file.replace('.json', '.svg')}`), 'utf8');
    const titles = dashboard.panels.map(({ title }) => title);
    assert.deepEqual(panelsOf(picture), titles, 'draw it anew: npm run dashboards');
    assert.ok(picture.split('No data').length - 1 < titles.length / 3);
    assert.deepEqual(panelsOf(pictureOf(dashboard, [], '')), titles, 'every query can be drawn');
  });

test('every metric of the page about telemetry is shown, and only those of the chosen namespaces and jobs', () => {
  const page = readFileSync(join(root, 'docs/operating/telemetry.md'), 'utf8');
  const names = [...page.matchAll(/^\| `[a-z0-9._]+`[^|]*\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, name = '']) => name),
  );
  const queries = readdirSync(dashboards).flatMap((file) =>
    (JSON.parse(readFileSync(join(dashboards, file), 'utf8')) as Dashboard).panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  );
  assert.deepEqual(
    names.filter((name) => !queries.some((query) => query.includes(name))),
    [],
  );
  // names such as rpc_server_call_duration and nodejs_eventloop_delay are those of every service with OpenTelemetry
  for (const query of queries) {
    const asked = query.match(/\b(?:portico|rpc|db|nodejs|v8js|process)_\w+\{namespace=~"\$namespace", job=~"\$job"[,}]/g) ?? [];
    assert.equal(asked.length, query.split('namespace=~"$namespace"').length - 1, query);
    const plain = query.replace(/\{[^}]*\}/g, '').replace(/\bby \([^)]*\)/g, '');
    assert.equal(asked.length, plain.match(/\b[a-z0-9]+_\w+\b(?!\s*\()/g)?.length, query);
  }
});

const before = `
calls_count{method="a",code="OK"} 10
calls_count{method="a",code="INTERNAL"} 1
calls_bucket{method="a",le="0.1"} 0
calls_bucket{method="a",le="0.2"} 0
calls_bucket{method="a",le="+Inf"} 0
ends 130
`;
const now = `
calls_count{method="a",code="OK"} 40
calls_count{method="a",code="INTERNAL"} 11
calls_count{method="b",code="OK"} 20
calls_bucket{method="a",le="0.1"} 50
calls_bucket{method="a",le="0.2"} 100
calls_bucket{method="a",le="+Inf"} 100
ends 130
`;
for (const [query, values] of [
  ['sum by (method) (rate(calls_count[$__rate_interval]))', [4, 2]],
  ['sum(rate(calls_count{code!="OK"}[$__rate_interval])) / sum(rate(calls_count[$__rate_interval]))', [1 / 6]],
  ['sum(rate(calls_count{method=~"$method", code=~"OK|NONE"}[$__rate_interval]))', [5]],
  ['topk(1, sum by (method) (increase(calls_count[$__rate_interval])))', [40]],
  ['max by (code) (calls_count)', [40, 11]],
  ['histogram_quantile(0.5, sum by (le) (rate(calls_bucket[$__rate_interval])))', [0.1]],
  ['histogram_quantile(0.99, sum by (le, method) (rate(calls_bucket[$__rate_interval])))', [0.198]],
  ['min by (method) (ends) - time()', [20]],
  ['sum(unknown)', []],
] as const)
  test(`the script computes what Prometheus does: ${query}`, () => {
    const found = queryOf(query, [pageOf(before, 100), pageOf(now, 110)])(1).map(({ value }) => Number(value.toFixed(6)));
    assert.deepEqual(
      found,
      values.map((value) => Number(value.toFixed(6))),
    );
  });

test('what the script does not know is refused', () => {
  assert.throws(() => queryOf('sum(a) + sum(b)', []), /"\+" is not known/);
  assert.throws(() => queryOf('avg_over_time(a[5m])', []), /not known|missing/);
});
