import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chart, render } from './helm.ts';

type Named = { readonly name: string } & Record<string, unknown>;
type Pod = { readonly containers: readonly (Named & { readonly env: readonly Named[] })[]; readonly volumes: readonly Named[] } & Record<
  string,
  unknown
>;

function podOf(...sets: readonly string[]): Pod {
  const deployment = render('everything', { sets }).manifests.find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment !== undefined);
  return (deployment.spec as { readonly template: { readonly spec: Pod } }).template.spec;
}

const unchanged = podOf('podTemplate.metadata.labels.a=b');

test('a pod template that changes nothing leaves what the chart has', () => {
  // Kubernetes reads 0440 as octal (YAML 1.1), and Helm writes such a number as a decimal one when it merges.
  const octal = JSON.stringify(podOf()).replaceAll('"defaultMode":440', `"defaultMode":${0o440}`);
  assert.deepEqual(unchanged, JSON.parse(octal));
});

test('things are merged by name: the others stay as they are, and in their order', () => {
  const before = unchanged;
  const container = 'podTemplate.spec.containers[0]';
  const after = podOf(
    `${container}.name=portico`,
    `${container}.env[0].name=NODE_OPTIONS`,
    `${container}.env[0].value=none`,
    `${container}.tty=true`,
  );
  const [was] = before.containers;
  assert.deepEqual(after, {
    ...before,
    containers: [{ ...was, tty: true, env: was?.env.map((one) => (one.name === 'NODE_OPTIONS' ? { ...one, value: 'none' } : one)) }],
  });
});

const renamed = JSON.parse(readFileSync(join(chart, 'files/renamed.json'), 'utf8')) as Record<string, string>;
for (const [old, now] of Object.entries(renamed))
  test(`${old} is refused with the name of now, ${now}, whatever it holds`, () => {
    for (const set of [`${old}=1`, `${old}.a=b`, `${old}[0].a=b`, `${old}=`])
      assert.throws(() => render('least', { sets: [set] }), new RegExp(`${old} is called ${now} in this chart`.replaceAll('.', '\\.')), set);
  });

test('every name of now is a value', () => {
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;
  type Schema = { readonly properties?: Record<string, Schema>; readonly description?: string };
  for (const now of Object.values(renamed)) {
    if (now.startsWith('podTemplate.')) continue;
    const found = now.split('.').reduce<Schema | undefined>((at, part) => at?.properties?.[part], schema);
    assert.ok(found !== undefined && !/^Renamed/.test(found.description ?? ''), now);
  }
});

const refused: readonly (readonly [sets: readonly string[], message: RegExp])[] = [
  [['tls.public.certificate.enabled=true'], /tls\.public\.certificate\.issuerRef\.name is needed/],
  [['tls.public.certificate.enabled=true', 'tls.public.certificate.issuerRef.name=a'], /tls\.public\.certificate\.dnsNames is needed/],
  [['tls.internal.certificate.enabled=true'], /tls\.internal\.certificate\.issuerRef\.name is needed/],
  [['podTemplate.containers[0].name=a'], /additional properties 'containers' not allowed/],
];
for (const [sets, message] of refused)
  test(`${sets.join(', ')} is refused with what to do`, () => {
    assert.throws(() => render('least', { sets }), message);
  });

test('a certificate of the public listener fills the Secret that the pods mount, named or not', () => {
  const mounted = (...sets: readonly string[]) => {
    const on = ['tls.public.certificate.enabled=true', 'tls.public.certificate.issuerRef.name=a', 'tls.public.certificate.dnsNames[0]=a.b'];
    const { manifests } = render('least', { sets: [...on, ...sets] });
    const certificate = manifests.find(({ kind }) => kind === 'Certificate')?.spec as { readonly secretName: string } | undefined;
    const deployment = manifests.find(({ kind }) => kind === 'Deployment')?.spec as { readonly template: { readonly spec: Pod } } | undefined;
    const volume = deployment?.template.spec.volumes.find(({ name }) => name === 'tls-public') as
      | { readonly secret?: { readonly secretName: string } }
      | undefined;
    assert.equal(certificate?.secretName, volume?.secret?.secretName);
    return certificate?.secretName;
  };
  assert.equal(mounted(), 'portico-tls');
  assert.equal(mounted('tls.public.secretName='), 'test-portico-public-tls');
});

test('a container without an image has that of the release, and one with an image keeps it', () => {
  const { initContainers } = podOf(
    'podTemplate.spec.initContainers[0].name=one',
    'podTemplate.spec.initContainers[1].name=two',
    'podTemplate.spec.initContainers[1].image=other:1',
  ) as unknown as { readonly initContainers: readonly Named[] };
  const [container] = unchanged.containers;
  assert.deepEqual(initContainers, [
    { name: 'one', image: container?.image, imagePullPolicy: container?.imagePullPolicy },
    { name: 'two', image: 'other:1' },
  ]);
});
