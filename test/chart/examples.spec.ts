// The chart's examples, each over those that its first line names; and that every switch of the chart is turned by an example or an option here.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { chart, checkManifests, helm, kubeVersions, renderFiles } from './helm.ts';
import { settingsIn } from './settings-in.ts';

const folder = join(chart, 'examples');
const example = (name: string) => join(folder, `${name}.yaml`);
const sets = {
  demo: [example('demo')],
  production: [example('production')],
  large: [example('production'), example('large')],
  'large-sentinels': [example('production'), example('large'), example('large-sentinels')],
};

type Pod = {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly seccompProfile: unknown };
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
};
type Container = {
  readonly securityContext: unknown;
  readonly resources: { readonly limits: Record<string, string> };
  readonly volumeMounts: readonly { readonly name: string }[];
};

test('every example is tested here', () => {
  assert.deepEqual(
    readdirSync(folder).sort(),
    Object.keys(sets)
      .map((name) => `${name}.yaml`)
      .sort(),
  );
});

for (const [name, files] of Object.entries(sets)) {
  test(`${name}: Helm accepts it, and has no warning`, () => {
    const { code, output } = helm('lint', chart, '--strict', '--kube-version', kubeVersions[0], ...files.flatMap((file) => ['-f', file]));
    assert.equal(code, 0, output);
    assert.doesNotMatch(output, /\[(WARNING|ERROR)\]/);
  });

  test(`${name}: the types of Kubernetes and of the operators accept every manifest, no field unknown`, () => {
    for (const kube of kubeVersions) assert.match(checkManifests(renderFiles(files, { kube }).text), /^\d+ manifests, 0 wrong$/m);
  });

  test(`${name}: the server accepts its settings`, () => {
    settingsIn(renderFiles(files));
  });

  test(`${name}: every pod is restricted, and mounts what is there`, () => {
    const of = renderFiles(files);
    assert.deepEqual(
      of.manifests.filter(({ kind }) => kind === 'Secret'),
      [],
    );
    const pods = of.manifests.flatMap(({ kind, spec }) =>
      kind === 'Pod'
        ? [spec as Pod]
        : ['Deployment', 'Job'].includes(kind)
          ? [(spec as { readonly template: { readonly spec: Pod } }).template.spec]
          : [],
    );
    for (const { automountServiceAccountToken, securityContext, containers, initContainers = [], volumes } of pods) {
      assert.equal(automountServiceAccountToken, false);
      assert.equal(securityContext.runAsNonRoot, true);
      assert.deepEqual(securityContext.seccompProfile, { type: 'RuntimeDefault' });
      for (const { securityContext: own, resources, volumeMounts } of [...containers, ...initContainers]) {
        assert.deepEqual(own, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        assert.ok(resources.limits.memory);
        for (const mount of volumeMounts)
          assert.ok(
            volumes.some((volume) => volume.name === mount.name),
            mount.name,
          );
      }
    }
  });
}

test('the large one is a Redis Cluster, or Sentinels', () => {
  const redisOf = (files: readonly string[]) => settingsIn(renderFiles(files)).redis;
  assert.deepEqual([redisOf(sets.large)?.mode, redisOf(sets.large)?.nodes.length], ['cluster', 3]);
  assert.deepEqual([redisOf(sets['large-sentinels'])?.mode, redisOf(sets['large-sentinels'])?.masterName], ['sentinel', 'portico']);
});

test('every switch of the chart is on in some values that are tested, and off in others', () => {
  const options = join(import.meta.dirname, 'values/options');
  const values = [
    ...['least', 'everything', 'behind-a-proxy'].map((name) => join(import.meta.dirname, `values/${name}.yaml`)),
    ...readdirSync(options).map((file) => join(options, file)),
    ...readdirSync(folder).map((file) => join(folder, file)),
  ].map((file) => parse(readFileSync(file, 'utf8')) as Values);
  const switches = switchesIn(parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Values);
  assert.ok(switches.length > 15);
  for (const { path, value } of switches)
    assert.ok(
      values.some((given) => valueAt(given, path) === !value),
      `${path}: ${!value} in no values`,
    );
});

type Values = { readonly [key: string]: unknown };

function switchesIn(values: Values, prefix = ''): readonly { readonly path: string; readonly value: boolean }[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (typeof value === 'boolean') return [{ path: `${prefix}${key}`, value }];
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? switchesIn(value as Values, `${prefix}${key}.`) : [];
  });
}

function valueAt(values: Values, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Values | undefined)?.[key], values);
}
