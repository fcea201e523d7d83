// `npm run test:helm`: Helm accepts the chart, Kubernetes' own types accept what it renders, and the server accepts the settings in it.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { commands } from '../../src/cli/cli.ts';
import { readDockerfile } from '../deploy/dockerfile.ts';
import { chart, checkManifests, helm, kubeVersions, type Manifest, type Rendered, render, root, valuesFile } from './helm.ts';
import { configOf, settingsIn } from './settings-in.ts';

const fixtures = ['least', 'everything', 'behind-a-proxy'] as const;
const rendered = Object.fromEntries(fixtures.map((name) => [name, render(name)])) as Record<(typeof fixtures)[number], Rendered>;

/** As far as it is looked at here. */
type Container = {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: Record<string, unknown>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean; readonly subPath?: string }[];
  readonly resources: { readonly limits: Record<string, string>; readonly requests: Record<string, string> };
} & Readonly<
  Record<'startupProbe' | 'readinessProbe' | 'livenessProbe', { readonly httpGet: { readonly path: string; readonly port: string } } | undefined>
>;
type Volume = { readonly name: string } & Record<string, unknown>;
type Pod = {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly securityContext: Record<string, unknown>;
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
};
type Workload = Manifest & {
  readonly spec: { readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: Pod } };
};

const ofKind = <M = Manifest>({ manifests }: Rendered, kind: string) => manifests.filter((manifest) => manifest.kind === kind) as M[];
const testPod = (of: Rendered): Workload[] =>
  ofKind<Workload>(of, 'Pod').map((pod) => ({ ...pod, spec: { template: { metadata: pod.metadata, spec: pod.spec } } }) as unknown as Workload);
const workloads = (of: Rendered) => [...ofKind<Workload>(of, 'Deployment'), ...ofKind<Workload>(of, 'Job'), ...testPod(of)];
const podOf = (workload: Workload) => workload.spec.template.spec;
const deployment = (of: Rendered) => ofKind<Workload>(of, 'Deployment')[0] as Workload;

for (const name of fixtures) {
  const of = rendered[name];

  test(`${name}: helm lint has nothing to say`, () => {
    const { code, output } = helm('lint', chart, '--strict', '--kube-version', kubeVersions[0], '-f', valuesFile(name));
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /\[(WARNING|ERROR)\]/);
  });

  for (const kube of kubeVersions)
    test(`${name}: Kubernetes' own types take every manifest for ${kube}, no field unknown`, () => {
      assert.match(checkManifests(render(name, { kube }).text), /^\d+ manifests, 0 wrong$/m);
    });

  test(`${name}: renders what is in golden/ (UPDATE_GOLDEN=1 writes it anew)`, () => {
    const file = join(import.meta.dirname, 'golden', `${name}.yaml`);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, of.text);
    assert.equal(of.text, readFileSync(file, 'utf8'));
  });

  test(`${name}: every pod is restricted as Pod Security Standards have it, and gets no token of the cluster`, () => {
    for (const pod of workloads(of).map(podOf)) {
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.enableServiceLinks, false, 'PORTICO_PORT of a service link would be read as a setting');
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' });
      for (const { securityContext, resources } of pod.containers) {
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        assert.ok(resources.limits.memory && resources.requests.cpu && resources.limits.cpu === undefined);
      }
    }
  });

  test(`${name}: nothing but the scratch folder can be written, and nothing is mounted by subPath`, () => {
    for (const { containers } of workloads(of).map(podOf))
      for (const { volumeMounts } of containers)
        for (const { mountPath, readOnly, subPath } of volumeMounts)
          assert.deepEqual([readOnly ?? false, subPath], [mountPath !== '/tmp', undefined]);
  });

  test(`${name}: the chart holds no secret: each is a reference to one that exists`, () => {
    assert.deepEqual(ofKind(of, 'Secret'), []);
    assert.doesNotMatch(of.text, /postgres:\/\/|rediss?:\/\/|BEGIN|stringData/);
    const names = workloads(of)
      .flatMap(({ spec }) => spec.template.spec.volumes)
      .flatMap((volume) => [...JSON.stringify(volume).matchAll(/"secret(?:Name"|":\{"name"):"([^"]+)"/g)].map(([, secret]) => secret));
    assert.ok(names.includes('portico-database') && names.includes('portico-signing-keys') && names.includes('portico-refresh-key'));
    for (const workload of workloads(of))
      for (const { env } of podOf(workload).containers)
        for (const { name: variable, value } of env) if (value !== undefined) assert.doesNotMatch(variable, /PASSWORD|_KEY$|DATABASE_URL$|TOKEN/);
  });

  test(`${name}: every volume that is mounted is there, and every one there is mounted`, () => {
    for (const { containers, volumes } of workloads(of).map(podOf))
      assert.deepEqual(
        [...new Set(containers.flatMap(({ volumeMounts }) => volumeMounts.map((mount) => mount.name)))].sort(),
        volumes.map((volume) => volume.name).sort(),
      );
  });

  test(`${name}: the probes ask for what the admin listener has, at a port that is there`, () => {
    const [container] = podOf(deployment(of)).containers;
    const paths = { startupProbe: '/startupz', livenessProbe: '/livez', readinessProbe: '/readyz' } as const;
    for (const [probe, path] of Object.entries(paths)) assert.deepEqual(container?.[probe as keyof typeof paths]?.httpGet, { path, port: 'admin' });
    assert.equal(container?.ports?.find((port) => port.name === 'admin')?.containerPort, settingsIn(of).admin.port);
  });

  test(`${name}: Services find the server's pods, at the ports that the settings open, and not those of the migration`, () => {
    const { labels } = deployment(of).spec.template.metadata;
    const settings = settingsIn(of);
    const ports = podOf(deployment(of)).containers[0]?.ports ?? [];
    assert.deepEqual(Object.fromEntries(ports.map((port) => [port.name, port.containerPort])), {
      public: settings.public.port,
      internal: settings.internal.port,
      admin: settings.admin.port,
    });
    type Service = {
      readonly spec: {
        readonly selector: Record<string, string>;
        readonly ports: readonly { readonly targetPort: string; readonly appProtocol: string }[];
      };
    };
    const services = ofKind<Service>(of, 'Service');
    assert.deepEqual(
      services.map(({ spec }) => spec.ports[0]?.targetPort),
      ['public', 'internal', 'admin', 'internal'],
    );
    assert.deepEqual(
      services.map(({ spec }) => spec.ports[0]?.appProtocol),
      [settings.public.plaintext ? 'kubernetes.io/h2c' : 'https', 'https', 'http', 'https'],
    );
    const finds = (selector: Record<string, string>, found: Record<string, string>) =>
      Object.entries(selector).every(([key, value]) => found[key] === value);
    for (const { spec } of services) {
      assert.ok(finds(spec.selector, labels));
      for (const other of [...ofKind<Workload>(of, 'Job'), ...testPod(of)]) assert.ok(!finds(spec.selector, other.spec.template.metadata.labels));
    }
  });

  test(`${name}: the server's settings loader takes the ConfigMap, and finds each file where a volume is mounted`, () => {
    const settings = settingsIn(of);
    const mounts = podOf(deployment(of)).containers[0]?.volumeMounts.map(({ mountPath }) => `${mountPath}/`) ?? [];
    const files = [...configOf(of).matchAll(/(?:File|Dir): (\S+)/g)].map(([, file]) => `${file}/`);
    assert.ok(files.length >= 4);
    for (const file of files)
      assert.ok(
        mounts.some((mount) => file.startsWith(mount)),
        file,
      );
    assert.ok(settings.drain.spread + settings.drain.grace + 20_000 <= podOf(deployment(of)).terminationGracePeriodSeconds * 1_000);
  });
}

test('other pods, services and the kubelet reach all three listeners', () => {
  for (const name of fixtures) assert.deepEqual(settingsIn(rendered[name]).hosts, { public: '::', internal: '::', admin: '::' }, name);
});

test('numbers and lists of the config arrive as they were written', () => {
  const { cache, upstreams, drain, telemetry } = settingsIn(rendered.everything);
  assert.deepEqual([cache.bytesMax, cache.locales, drain.grace, telemetry.sampleRatio], [134_217_728, ['en', 'de'], 30_000, 0.05]);
  assert.equal(upstreams.accounts?.tls?.caFile, '/etc/upstreams/ca.crt');
});

test("the pods run as the image's user, and the image declares the chart's ports", () => {
  const stage = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8')).at(-1);
  const said = (name: string) => stage?.instructions.findLast((instruction) => instruction.name === name)?.text ?? '';
  for (const { securityContext } of workloads(rendered.least).map(podOf)) {
    assert.equal(`${securityContext.runAsUser}:${securityContext.runAsGroup}`, said('USER'));
    assert.equal(securityContext.fsGroup, securityContext.runAsGroup, 'files of Secrets have mode 0440');
  }
  assert.equal(said('EXPOSE'), '8443 8444 8445');
});

test('the migration runs before everything else of the chart is there, and needs none of it', () => {
  const hooks = rendered.least.manifests.filter(({ metadata }) => JSON.stringify(metadata).includes('pre-install'));
  assert.deepEqual(hooks.map(({ kind }) => kind).sort(), ['Job', 'ServiceAccount']);
  const chartsOwn = rendered.least.manifests.filter((manifest) => !hooks.includes(manifest)).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const job = hooks.find(({ kind }) => kind === 'Job') as Workload;
  const text = JSON.stringify(job.spec);
  assert.doesNotMatch(text, /configMap|PORTICO_CONFIG/);
  assert.match(text, /"serviceAccountName":"test-portico-migrate"/);
  assert.ok(!chartsOwn.includes('ServiceAccount test-portico-migrate'));
  assert.deepEqual(podOf(job).containers[0]?.args, ['migrate']);
  assert.deepEqual(podOf(job).containers[0]?.env, [{ name: 'DATABASE_URL_FILE', value: '/etc/portico/secrets/database-url' }]);
  assert.equal(ofKind(rendered['behind-a-proxy'], 'Job').length, 0);
});

test('the pod of `helm test` probes both listeners by their Services, with flags of the command and a namespace of the settings', () => {
  const flags =
    commands()
      .commands.find((command) => command.name() === 'probe')
      ?.options.map(({ long }) => long) ?? [];
  for (const name of fixtures) {
    const of = rendered[name];
    const [pod] = testPod(of).map(podOf);
    const [command, ...args] = pod?.containers[0]?.args ?? [];
    assert.equal(command, 'probe');
    const given = Object.fromEntries(args.map((arg) => arg.split('=') as [string, string]));
    for (const flag of Object.keys(given)) assert.ok(flags.includes(flag), flag);
    const addresses = ofKind<Manifest & { readonly spec: { readonly ports: readonly { readonly port: number }[] } }>(of, 'Service').map(
      ({ metadata, spec }) => `${metadata.name}:${spec.ports[0]?.port}`,
    );
    assert.deepEqual([given['--public'], given['--internal']], addresses.slice(0, 2));
    assert.equal(given['--certificate'] === undefined, settingsIn(of).public.plaintext);
    const mounts = pod?.containers[0]?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
    for (const flag of ['--certificate', '--internal-certificate'])
      if (given[flag] !== undefined) assert.ok(mounts.some((mount) => given[flag] === `${mount}/tls.crt`));
    assert.equal(settingsIn(of).live.namespaces['portico-probe']?.listen, 'owner');
  }
});

test('selectors hold nothing that an upgrade changes', () => {
  const selectorOf = (of: Rendered) => (deployment(of).spec as unknown as { selector: unknown }).selector;
  assert.deepEqual(selectorOf(rendered.least), {
    matchLabels: { 'app.kubernetes.io/name': 'portico', 'app.kubernetes.io/instance': 'test', 'app.kubernetes.io/component': 'server' },
  });
  assert.deepEqual(
    selectorOf(render('least', { sets: ['image.tag=9.9.9', 'config.cache.bytesMax=0', 'podAnnotations.a=b'] })),
    selectorOf(rendered.least),
  );
});

test('workers share the heap, and the least share is one percent', () => {
  const share = (...sets: readonly string[]) => Number(/max-old-space-size-percentage=(\d+)/.exec(render('everything', { sets }).text)?.[1]);
  for (const [workers, percent] of [
    [1, 65],
    [2, 32],
    [4, 16],
    [64, 1],
  ] as const)
    assert.equal(share(`config.workers=${workers}`), percent);
  assert.equal(share(), 65);
});

test('a migration that is no hook has a name of its own for each thing that it runs', () => {
  const jobs = (...sets: readonly string[]) => ofKind<Workload>(render('least', { sets: ['migrations.mode=job', ...sets] }), 'Job');
  const [one, same, other, bounded] = [
    jobs(),
    jobs('config.telemetry.logLevel=debug'),
    jobs('image.tag=9.9.9'),
    jobs('migrations.backoffLimit=9'),
  ].map(([job]) => job as Workload & Manifest);
  assert.equal(one?.metadata.name, same?.metadata.name);
  assert.equal(new Set([one, other, bounded].map((job) => job?.metadata.name)).size, 3);
  assert.doesNotMatch(JSON.stringify(one), /helm\.sh\/hook/);
  const hook = ofKind<Workload>(rendered.least, 'Job')[0];
  assert.deepEqual(one?.spec, hook?.spec);
});

test('calls to internal services stay in their zone, where Kubernetes has the word for it', () => {
  for (const [kube, times] of [
    ['1.30.0', 0],
    ['1.34.9', 0],
    ['1.35.0', 1],
    ['1.37.0', 1],
  ] as const)
    assert.equal(render('least', { kube }).text.match(/trafficDistribution: PreferSameZone/g)?.length ?? 0, times, kube);
});

test('other settings make other pods, and equal ones the same', () => {
  const checksum = (of: Rendered) => /checksum\/config: "(\w+)"/.exec(of.text)?.[1];
  assert.equal(checksum(render('least', { sets: ['image.tag=9.9.9'] })), checksum(rendered.least));
  assert.notEqual(checksum(render('least', { sets: ['config.telemetry.logLevel=debug'] })), checksum(rendered.least));
});

test('disruptions are bounded from two replicas on', () => {
  assert.equal(ofKind(rendered.least, 'PodDisruptionBudget').length, 0);
  assert.equal(ofKind(rendered.everything, 'PodDisruptionBudget').length, 1);
  const largest = (...sets: string[]) => /maxUnavailable: (\S+)\n {2}#/.exec(render('everything', { sets }).text)?.[1];
  assert.equal(largest(), '1');
  assert.equal(largest('podDisruptionBudget.maxUnavailable=3'), '3');
  assert.equal(largest('podDisruptionBudget.maxUnavailable=10%'), '10%');
});

const refused: readonly (readonly [set: string, message: RegExp])[] = [
  ['image.repository=', /image\.repository is needed/],
  ['secrets.database.name=', /secrets\.database\.name is needed/],
  ['secrets.refreshKey.name=', /secrets\.refreshKey\.name is needed/],
  ['secrets.signingKeys.name=', /secrets\.signingKeys\.name is needed/],
  ['tls.public.secretName=', /tls\.public\.secretName is needed/],
  ['tls.public.plaintext=true', /keep one of them/],
  ['replicaCount=2', /more than one replica needs Redis/],
  ['replicaCount=two', /\/replicaCount.*got string, want integer/s],
  ['podDisruptionBudget.maxUnavailable=0', /\/podDisruptionBudget\/maxUnavailable/],
  ['podDisruptionBudget.maxUnavailable=some', /\/podDisruptionBudget\/maxUnavailable/],
  ['replicaCounts=2', /additional properties 'replicaCounts' not allowed/],
  ['serviceAccount.create=false', /serviceAccount\.name is needed/],
  ['tls.internal.clientCaKey=ca.crt', /tls\.internal\.secretName is needed/],
  ['terminationGracePeriodSeconds=20', /at least 60/],
  ['config.drain.grace=2m', /at least 170/],
  ['config.drain.spread=1m', /at least 90/],
  ['config.drain.grace=soon', /\/config\/drain\/grace/],
  ['config.cache.bytesMaximum=1', /\/config\/cache.*'bytesMaximum' not allowed/s],
  ['config.public.port=443', /\/config\/public.*'port' not allowed/s],
  ['config.sql.url=postgres://me:pw@host/db', /\/config\/sql.*'url' not allowed/s],
  ['config.upstreams.Orders.address=a:1', /'Orders' does not match/],
  ['extraEnv[0].name=A,extraEnv[0].value=5', /\/extraEnv\/0\/value.*got number, want string/s],
  ['podTemplate.metadata.labels.a=5', /\/podTemplate\/metadata\/labels\/a.*got number/s],
  ['podTemplate.spec.containers[0].image=x', /podTemplate: each of containers needs a name/],
  ['podTemplate.spec.containers[0]=x', /podTemplate: each of containers needs a name/],
  ['podTemplate.spec.containers.portico.tty=true', /podTemplate: each of containers needs a name/],
  ['podTemplate.spec.volumes[0].emptyDir.medium=Memory', /podTemplate: each of volumes needs a name/],
  ['migrations.mode=sometimes', /\/migrations\/mode/],
  ['service.public.port=70000', /\/service\/public\/port/],
];
for (const [set, message] of refused)
  test(`--set ${set} is refused with what to do`, () => {
    assert.throws(() => render('least', { sets: [set] }), message);
  });

test('an older Kubernetes is refused: preStop would not sleep there', () => {
  assert.throws(() => render('least', { kube: '1.29.9' }), /incompatible/);
});

test("the check by Kubernetes' own types sees a field that does not exist, and one of another type", () => {
  const changed = (from: string, to: string) => () => checkManifests(rendered.least.text.replace(from, to));
  assert.throws(changed('startupProbe:', 'startupProb:'), /unknown field "spec\.template\.spec\.containers\[0\]\.startupProb"/);
  assert.throws(changed('minReadySeconds: 15', 'minReadySeconds: soon'), /minReadySeconds/);
});

test('NOTES.txt names the next commands', () => {
  // Helm shows notes with a cluster only: a copy of the chart renders them as one more manifest.
  const folder = mkdtempSync(join(tmpdir(), 'portico-chart-'));
  try {
    cpSync(chart, folder, { recursive: true });
    cpSync(join(chart, 'templates/NOTES.txt'), join(folder, 'notes.txt'));
    writeFileSync(join(folder, 'templates/notes.yaml'), 'notes: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n');
    const notesOf = (...values: readonly string[]) => {
      const { code, output } = helm(
        'template',
        'test',
        folder,
        '--namespace',
        'phones',
        '--kube-version',
        kubeVersions[0],
        ...values.flatMap((name) => ['-f', valuesFile(name)]),
        '-s',
        'templates/notes.yaml',
      );
      assert.equal(code, 0, output);
      return (parse(output) as { notes: string }).notes;
    };
    const least = notesOf('least');
    for (const line of ['rollout status deployment/test-portico', 'port-forward deployment/test-portico 8445 &', 'logs job/test-portico-migrate'])
      assert.ok(least.includes(`\n  kubectl -n phones ${line}\n`), least);
    assert.match(least, /One replica/);
    assert.match(least, /WARNING: attachments are kept in each pod/);
    assert.doesNotMatch(notesOf('everything', 'options/attachments'), /attachments/);
    const proxied = notesOf('behind-a-proxy');
    assert.match(proxied, /WARNING: tls\.public\.plaintext/);
    assert.match(proxied, /run `portico migrate`/);
    assert.match(least, /\n {2}helm -n phones test test --logs\n/);
    assert.match(notesOf('everything', 'options/autoscaling'), /custom\.metrics\.k8s\.io/);
    assert.match(notesOf('least', 'options/route-tls'), /get tlsroute,grpcroute,httproute/);
    assert.match(notesOf('least', 'options/ingress-passthrough'), /get ingress test-portico/);
    assert.match(notesOf('everything'), /get service front-server -o jsonpath/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
