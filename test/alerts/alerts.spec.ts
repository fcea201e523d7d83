// The alert rules by Prometheus' own tool: they are valid, and each fires for the series that it is for, and for no others.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { chart } from '../chart/helm.ts';
import { promtool } from './promtool.ts';

const file = join(chart, 'files/alerts.yaml');
const { groups } = parse(readFileSync(file, 'utf8')) as { readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[] };
const folder = mkdtempSync(join(tmpdir(), 'portico-alerts-'));
after(() => rmSync(folder, { recursive: true }));

/** Values by series, in Prometheus' notation: "0+6x60" begins at 0 and grows by 6 each minute, 60 times. */
type Series = Readonly<Record<string, string>>;
type Case = {
  readonly at: string;
  readonly fires: Series;
  readonly quiet: Series;
  /** Others have metrics of these names, too: without one of ours they are quiet. */
  readonly isShared?: true;
};

const calls = (labels: string) => `rpc_server_call_duration_seconds_count{${labels}}`;
const ok = calls('portico_kind="unary", rpc_method="a.B/C"');
const failed = calls('portico_kind="unary", rpc_method="a.B/C", error_type="INTERNAL"');
const longStream = calls('portico_kind="stream", rpc_method="a.B/D", error_type="INTERNAL"');
const upstream = (labels: string) => `rpc_client_call_duration_seconds_count{server_address="orders:9000"${labels}}`;
const closed = 'portico_live_closed_total{what="stream", reason="DRAINING"}';
const day = 1_440;

const cases: Readonly<Record<string, Case>> = {
  PorticoErrorsFast: {
    at: '90m',
    fires: { [ok]: '0+980x90', [failed]: '0+20x90' },
    quiet: { [ok]: '0+990x90', [failed]: '0+10x90', [longStream]: '0+900x90' },
  },
  PorticoErrorsSlow: {
    at: '7h',
    fires: { [ok]: '0+990x420', [failed]: '0+10x420' },
    quiet: { [ok]: '0+990x360 0+1000x60', [failed]: '0+10x360 3600+0x60' },
  },
  PorticoUpstreamFails: {
    isShared: true,
    at: '20m',
    fires: { [upstream('')]: '0+80x20', [upstream(', error_type="UNAVAILABLE"')]: '0+20x20' },
    quiet: { [upstream('')]: '0+80x20', [upstream(', error_type="NOT_FOUND"')]: '0+20x20' },
  },
  PorticoDefects: {
    at: '10m30s',
    fires: { 'portico_defects_total{where="stream"}': '_x5 1x5' }, // a counter begins with its first event
    quiet: { 'portico_defects_total{where="stream"}': '7x12' },
  },
  PorticoEventLoopSlow: {
    isShared: true,
    at: '10m',
    fires: { nodejs_eventloop_delay_p99_seconds: '0.2x10' },
    quiet: { nodejs_eventloop_delay_p99_seconds: '0.2x3 0.02x3 0.2x4' },
  },
  PorticoHeapNearLimit: {
    isShared: true,
    at: '10m',
    fires: { v8js_memory_heap_used_bytes: '900x10', v8js_memory_heap_limit_bytes: '1000x10' },
    quiet: { v8js_memory_heap_used_bytes: '800x10', v8js_memory_heap_limit_bytes: '1000x10' },
  },
  PorticoDatabasePoolFull: {
    isShared: true,
    at: '10m',
    fires: { db_client_connection_pending_requests: '3x10' },
    quiet: { db_client_connection_pending_requests: '3 0 3 0 3 0 3 0 3 0 3' },
  },
  PorticoRedisDown: { at: '5m', fires: { portico_store_up: '0x5' }, quiet: { portico_store_up: '1x3 0 1' } },
  PorticoInvalidationsPending: {
    at: '10m',
    fires: { portico_cache_invalidations_pending: '2x10' },
    quiet: { portico_cache_invalidations_pending: '2x3 0 2x4 0' },
  },
  PorticoInvalidationsDropped: {
    at: '10m',
    fires: { portico_cache_invalidations_dropped_total: '0x5 4x5' },
    quiet: { portico_cache_invalidations_dropped_total: '4x10' },
  },
  PorticoTagEmpty: {
    at: '16m',
    fires: { portico_invalidate_tag_empty_total: '_x5 2x15' },
    quiet: { portico_invalidate_tag_empty_total: '1x20' },
  },
  PorticoReconnectStorm: {
    at: '25h',
    fires: { [closed]: `0+60x${day} ${60 * day}+6000x60` },
    quiet: { [closed]: `0+6000x${day + 60}` },
  },
  PorticoIssuerKeysMissing: {
    at: '30m',
    fires: { 'portico_jwks_failures_total{issuer="https://id.example"}': '0+2x30' },
    quiet: { 'portico_jwks_failures_total{issuer="https://id.example"}': '0x5 1x25' },
  },
  PorticoCertificateExpires: {
    at: '2h',
    fires: { 'portico_certificate_not_after_seconds{listener="public"}': `${10 * 86_400}x120` },
    quiet: { 'portico_certificate_not_after_seconds{listener="public"}': `${30 * 86_400}x120` },
  },
  PorticoCertificateExpiresSoon: {
    at: '1h',
    fires: { 'portico_certificate_not_after_seconds{listener="public"}': `${86_400}x60` },
    quiet: { 'portico_certificate_not_after_seconds{listener="public"}': `${10 * 86_400}x60` },
  },
  PorticoTokensRefused: {
    at: '30m',
    fires: { [ok]: '0+100x30', 'portico_auth_failures_total{reason="TOKEN_INVALID"}': '0+50x30' },
    quiet: { [ok]: '0+100x30', 'portico_auth_failures_total{reason="TOKEN_EXPIRED"}': '0+50x30' },
  },
  PorticoUnknownMethods: {
    isShared: true,
    at: '40m',
    fires: { [ok]: '0+100x40', [calls('rpc_method="_OTHER"')]: '0+20x40' },
    quiet: { [ok]: '0+100x40', [calls('rpc_method="_OTHER"')]: '0+5x40' },
  },
  PorticoPushesLate: {
    at: '10m',
    fires: { portico_outbox_lag_seconds: '150x10' },
    quiet: { portico_outbox_lag_seconds: '150x3 5x2 150x5' },
  },
  PorticoPushesRepeat: {
    at: '70m',
    fires: { 'portico_push_loops_total{provider="apns"}': '_x40 1x30' },
    quiet: { 'portico_push_loops_total{provider="apns"}': '3x70' },
  },
  PorticoPushesRefused: {
    at: '40m',
    fires: {
      'portico_push_sent_total{provider="fcm", outcome="sent"}': '0+90x40',
      'portico_push_sent_total{provider="fcm", outcome="later"}': '0+10x40',
    },
    quiet: {
      'portico_push_sent_total{provider="fcm", outcome="sent"}': '0+90x40',
      'portico_push_sent_total{provider="fcm", outcome="unwanted"}': '0+60x40',
    },
  },
  PorticoAttachmentsLost: {
    at: '70m',
    fires: { 'portico_media_collected_total{what="lost"}': '0x40 1x30' },
    quiet: { 'portico_media_collected_total{what="lost"}': '3x70', 'portico_media_collected_total{what="dropped"}': '0+5x70' },
  },
  PorticoLimitsReached: {
    at: '40m',
    fires: { 'portico_abuse_total{reason="resets"}': '0+900x40' },
    quiet: { 'portico_abuse_total{reason="resets"}': '0+60x40' },
  },
};

test('Prometheus accepts the rules', () => {
  const { code, output } = promtool('check', 'rules', '--lint=all', '--lint-fatal', file);
  assert.equal(code, 0, output);
});

test('every rule has a case here', () => {
  assert.deepEqual(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort(), Object.keys(cases).sort());
});

/** What every Portico has. */
const ours = { portico_maintenance: `0x${2 * day}` };

for (const [alert, { at, fires, quiet, isShared }] of Object.entries(cases)) {
  test(`${alert} fires for what it is for, and is quiet otherwise`, () => {
    const input = (series: Series) => Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const expr = `count(ALERTS{alertname="${alert}", alertstate="firing"})`;
    const one = (series: Series, exp_samples: readonly object[]) => ({
      interval: '1m',
      input_series: input(series),
      promql_expr_test: [{ expr, eval_time: at, exp_samples }],
    });
    const tests = join(folder, `${alert}.json`);
    const all = [one({ ...fires, ...ours }, [{ labels: '{}', value: 1 }]), one({ ...quiet, ...ours }, [])];
    if (isShared === true) all.push(one(fires, []), one({ ...fires, 'portico_maintenance{job="other"}': `0x${day}` }, []));
    writeFileSync(tests, JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests: all }));
    const { code, output } = promtool('test', 'rules', tests);
    assert.equal(code, 0, output);
  });
}

test('an installation that fails is not hidden by another that does not', () => {
  const of = (job: string, labels: string) => calls(`job="${job}", portico_kind="unary", rpc_method="a.B/C"${labels}`);
  const series = {
    [of('small', '')]: '0+900x90',
    [of('small', ', error_type="INTERNAL"')]: '0+100x90',
    [of('large', '')]: '0+100000x90',
  };
  const tests = join(folder, 'two.json');
  const expr = 'count by (job) (ALERTS{alertname="PorticoErrorsFast", alertstate="firing"})';
  const exp_samples = [{ labels: '{job="small"}', value: 1 }];
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const test = { interval: '1m', input_series, promql_expr_test: [{ expr, eval_time: '90m', exp_samples }] };
  writeFileSync(tests, JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests: [test] }));
  const { code, output } = promtool('test', 'rules', tests);
  assert.equal(code, 0, output);
});
