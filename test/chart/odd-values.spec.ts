// Values that YAML would read as something else, and values that are null: what the chart makes of them is still what Kubernetes takes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkManifests, kubeVersions, type Rendered, type RenderOptions, render } from './helm.ts';

const taken = (of: Rendered) => assert.match(checkManifests(of.text), /^\d+ manifests, 0 wrong$/m);

/** YAML 1.1 reads them as numbers, booleans, null, times, or text in base 60. */
const odd = ['2024', '1e3', '007', '0x1f', '0b11', '1.5', '12e03', '5', 'on', 'off', 'yes', 'no', 'y', 'n', 'true', 'false', 'null', '2024-01-01'];

/** Helm takes them as names of releases. */
for (const release of [...odd, 'v1.2', '1.2.3', 'x'.repeat(53), `${'9'.repeat(53)}`])
  test(`a release called ${release} makes manifests that Kubernetes takes`, () => {
    for (const values of ['least', 'everything']) {
      const of = render(values, { release, strings: ['fullnameOverride=', 'nameOverride='] });
      taken(of);
      for (const { metadata } of of.manifests)
        assert.equal((metadata as unknown as { readonly labels: Record<string, unknown> }).labels['app.kubernetes.io/instance'], release);
    }
  });

for (const namespace of ['123', '1e3', '007', 'on', 'null', '0x1f'])
  test(`--namespace ${namespace} stays text`, () => {
    const of = render('everything', { namespace });
    taken(of);
    for (const { metadata } of of.manifests) assert.equal((metadata as { readonly namespace?: string }).namespace, namespace);
  });

/** Every value that is a text in some manifest; the values file of the test sets them all. */
const texts = [
  'image.repository',
  'image.tag',
  'nameOverride',
  'secrets.database.name',
  'secrets.database.key',
  'secrets.refreshKey.name',
  'secrets.refreshKey.key',
  'secrets.signingKeys.name',
  'secrets.redisUrl.name',
  'secrets.redisUrl.key',
  'secrets.redisPassword.name',
  'secrets.redisPassword.key',
  'secrets.redisSentinelPassword.name',
  'secrets.redisSentinelPassword.key',
  'secrets.bucketKey.name',
  'secrets.bucketKey.key',
  'secrets.apnsKey.name',
  'secrets.apnsKey.key',
  'secrets.fcmAccount.name',
  'secrets.fcmAccount.key',
  'tls.public.secretName',
  'tls.internal.secretName',
  'tls.internal.clientCaKey',
  'serviceAccount.name',
  'priorityClassName',
  'podAnnotations.a',
  'nodeSelector.a',
  'service.public.annotations.a',
  'serviceAccount.annotations.a',
  'extraEnv[0].value',
  'imagePullSecrets[0].name',
];
for (const value of ['123', '1e3', '007', 'on', 'null', '0x1f', '2024-01-01'])
  test(`each text may be ${value}`, () => {
    const strings = [...texts.map((key) => `${key}=${value}`), 'extraEnv[0].name=A', 'image.digest='];
    taken(render('everything', { strings }));
    for (const text of texts) taken(render('everything', { strings: [`${text}=${value}`, 'extraEnv[0].name=A', 'image.digest='] }));
  });

test('a name of a Service that cannot be one is refused with the rule', () => {
  for (const name of ['2024', '1e3', 'v1.2'])
    assert.throws(() => render('least', { strings: [`fullnameOverride=${name}`] }), /\/fullnameOverride.*does not match/s);
});

test('long numbers stay whole numbers', () => {
  const of = render('least', { sets: ['migrations.activeDeadlineSeconds=10000000', 'terminationGracePeriodSeconds=86400'] });
  taken(of);
  assert.match(of.text, /activeDeadlineSeconds: 10000000\n/);
});

/** Whatever is null is the default: of an object, of a value in it, of the whole of them. */
const nulls = [
  ...[
    'config',
    'tls.internal',
    'secrets.redisUrl',
    'secrets.redisPassword',
    'secrets.redisSentinelPassword',
    'secrets.bucketKey',
    'service',
    'service.public',
  ],
  ...['service.internal', 'service.admin', 'service.public.annotations', 'service.public.port', 'service.public.type', 'serviceAccount'],
  ...['serviceAccount.create', 'serviceAccount.annotations', 'migrations', 'migrations.mode', 'migrations.activeDeadlineSeconds', 'resources'],
  ...['migrations.backoffLimit', 'migrations.resources', 'migrations.resources.limits'],
  ...['resources.limits', 'replicaCount', 'nameOverride', 'fullnameOverride', 'image.tag', 'image.digest', 'image.pullPolicy', 'imagePullSecrets'],
  ...['secrets.database.key', 'secrets.refreshKey.key', 'tls.public.plaintext', 'tls.internal.secretName', 'tls.internal.clientCaKey'],
  ...['preStopSleepSeconds', 'terminationGracePeriodSeconds', 'podAnnotations', 'nodeSelector', 'tolerations', 'affinity', 'priorityClassName'],
  ...[
    'extraEnv',
    'extraVolumes',
    'extraVolumeMounts',
    'podTemplate',
    'extraObjects',
    'test',
    'test.enabled',
    'service.public.spec',
    'autoscaling',
    'autoscaling.keda',
  ],
  ...['networkPolicy', 'networkPolicy.egress', 'monitoring', 'monitoring.rules', 'monitoring.dashboards.labels', 'routes', 'routes.tls'],
  ...['routes.grpc.hostnames', 'ingress', 'ingress.hosts', 'tls.public.certificate', 'tls.internal.certificate.issuerRef', 'service.peers'],
];
const least = render('least').text;
for (const key of nulls)
  test(`${key}=null is the default`, () => {
    const of = render('least', { sets: [`${key}=null`] });
    taken(of);
    if (!key.includes('resources')) assert.equal(of.text, least);
  });

test('a limit that is null is none, as in every chart', () => {
  const of = render('least', { sets: ['resources.limits=null'] });
  assert.doesNotMatch(of.text, /memory: 768Mi/);
  assert.match(of.text, /memory: 384Mi/);
});

test('what is no name of an image is refused', () => {
  for (const [key, value] of [
    ['image.tag', 'a b'],
    ['image.tag', ':1'],
    ['image.repository', 'https://registry/portico'],
    ['image.repository', 'Registry/Portico'],
    ['image.repository', 'portico@sha256'],
  ] as const)
    assert.throws(() => render('least', { strings: [`${key}=${value}`] }), /does not match pattern/, `${key}=${value}`);
  taken(render('least', { strings: ['image.repository=images.example:5000/team/portico_x', 'image.tag=v1.2-rc_1'] }));
});

const refused: readonly (readonly [options: RenderOptions, message: RegExp])[] = [
  [{ sets: ['image=null'] }, /image\.repository is needed/],
  [{ sets: ['secrets=null'] }, /secrets\.database\.name is needed/],
  [{ sets: ['secrets.database=null'] }, /secrets\.database\.name is needed/],
  [{ sets: ['secrets.refreshKey=null'] }, /secrets\.refreshKey\.name is needed/],
  [{ sets: ['secrets.signingKeys=null'] }, /secrets\.signingKeys\.name is needed/],
  [{ sets: ['tls=null'] }, /tls\.public\.secretName is needed/],
  [{ sets: ['tls.public=null'] }, /tls\.public\.secretName is needed/],
  [{ sets: ['config.redis=null'] }, /\/config\/redis': got null, want object/],
  [{ sets: ['config.drain=null'] }, /\/config\/drain': got null, want object/],
  [{ sets: ['config.upstreams.orders=null'] }, /\/config\/upstreams\/orders': got null, want object/],
];
for (const [options, message] of refused)
  test(`${options.sets} is refused by its name`, () => {
    assert.throws(() => render('least', options), message);
  });

test('the check sees a name that the API server would refuse, and a label', () => {
  for (const [from, to] of [
    ['name: "test-portico-admin"', 'name: "2024-admin"'],
    ['app.kubernetes.io/instance: "test"', 'app.kubernetes.io/instance: "-"'],
  ] as const)
    assert.throws(() => checkManifests(render('least', { kube: kubeVersions[1] }).text.replace(from, to)), /must/);
});
