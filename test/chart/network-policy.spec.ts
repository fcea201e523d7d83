import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Rendered, render } from './helm.ts';

type Rule = { readonly ports?: readonly { readonly port: string | number }[]; readonly from?: readonly unknown[]; readonly to?: readonly unknown[] };
type Policy = { readonly ingress: readonly Rule[]; readonly egress?: readonly Rule[]; readonly policyTypes: readonly string[] };

function policyOf(values: string, ...sets: readonly string[]): Policy {
  return policyIn(render(values, { sets: ['networkPolicy.enabled=true', ...sets] }));
}

function policyIn({ manifests }: Rendered): Policy {
  return manifests.find(({ kind }) => kind === 'NetworkPolicy')?.spec as Policy;
}

test('only the public port is open to anyone, whatever lists are empty', () => {
  const closed = render('least', { over: [join(import.meta.dirname, 'values/options/network-policy-closed.yaml')] });
  const policies = [policyOf('least'), policyOf('least', 'networkPolicy.internalFrom=null'), policyIn(closed)];
  for (const { ingress } of policies)
    for (const { ports, from } of ingress)
      if (from === undefined || from.length === 0) assert.deepEqual(ports, [{ port: 'public', protocol: 'TCP' }]);
});

test('each destination that the settings name may be reached, and no other port is open to any address', () => {
  const upstreams = (address: string) => policyOf('least', `config.upstreams.orders.address=${address}`).egress?.slice(2);
  const tcp = (port: number) => [{ port, protocol: 'TCP' }];
  const namespace = (name: string) => [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }] }];
  assert.deepEqual(policyOf('least').egress?.slice(2), []);
  for (const [address, rules] of [
    ['orders.example.com:9000', [{ ports: tcp(9000) }]],
    ['orders.shop.svc:9000', namespace('shop')],
    ['orders.shop.svc.cluster.local.:9000', namespace('shop')],
    ['orders:9000', [{ to: [{ podSelector: {} }] }]],
    ['10.0.0.7:9000', [{ to: [{ ipBlock: { cidr: '10.0.0.7/32' } }], ports: tcp(9000) }]],
    ['ipv4:10.0.0.7:9000', [{ to: [{ ipBlock: { cidr: '10.0.0.7/32' } }], ports: tcp(9000) }]],
    ['[fd00::7]:9000', [{ to: [{ ipBlock: { cidr: 'fd00::7/128' } }], ports: tcp(9000) }]],
    ['unix:/run/orders.sock', []],
  ] as const)
    assert.deepEqual(upstreams(address), rules, address);
});

test('the server of a bucket is a destination: its endpoint, or that of AWS', () => {
  const egress = (...strings: readonly string[]) => policyOf('least', 'config.media.bucket.name=files', ...strings).egress?.slice(2);
  assert.deepEqual(egress(), [{ ports: [{ port: 443, protocol: 'TCP' }] }]);
  const minio = [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'storage' } } }] }];
  assert.deepEqual(egress('config.media.bucket.endpoint=https://minio.storage.svc:9000'), minio);
});

test("keys of issuers and the collector are destinations, at their URL's port or that of the scheme", () => {
  const egress = policyOf(
    'everything',
    'extraEnv[0].name=OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'extraEnv[0].value=http://collector.example.com/v1',
  ).egress;
  const anywhere = egress?.filter(({ to }) => to === undefined).flatMap(({ ports }) => ports?.map(({ port }) => port) ?? []);
  for (const port of [443, 80]) assert.ok(anywhere?.includes(port), `${port}`);
});

test('a collector whose URL is not in the values, or is none, is left to egress.more', () => {
  const more = (...sets: readonly string[]) => policyOf('least', 'extraEnv[0].name=OTEL_EXPORTER_OTLP_ENDPOINT', ...sets).egress?.slice(2);
  for (const value of ['collector:4317', '10.0.0.7:4317', 'http://$(HOST_IP):4318']) assert.deepEqual(more(`extraEnv[0].value=${value}`), [], value);
  assert.deepEqual(more('extraEnv[0].valueFrom.fieldRef.fieldPath=status.hostIP'), []);
});

test('the pod of `helm test` is admitted to the listeners that it probes, while there is one', () => {
  const admitted = (...sets: readonly string[]) =>
    policyOf('least', ...sets).ingress.filter(({ from }) => JSON.stringify(from ?? []).includes('"app.kubernetes.io/component":"test"'));
  assert.deepEqual(
    admitted().flatMap(({ ports = [] }) => ports.map(({ port }) => port)),
    ['public', 'internal'],
  );
  assert.deepEqual(admitted('test.enabled=false'), []);
});

test('Redis is reached only where it is used', () => {
  const ports = (values: string) => JSON.stringify(policyOf(values).egress);
  assert.doesNotMatch(ports('least'), /6379/);
  assert.match(ports('everything'), /6379/);
});

test('egress can be left to others', () => {
  const policy = policyOf('everything', 'networkPolicy.egress.enabled=false');
  assert.deepEqual([policy.policyTypes, policy.egress], [['Ingress'], undefined]);
});
