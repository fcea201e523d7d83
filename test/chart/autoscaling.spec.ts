import assert from 'node:assert/strict';
import { test } from 'node:test';
import { render } from './helm.ts';

const scaled = (...sets: readonly string[]) => render('everything', { sets: ['autoscaling.enabled=true', ...sets] });
const kinds = (of: ReturnType<typeof render>) => of.manifests.map(({ kind }) => kind);

test('what scales owns the number of replicas: an upgrade does not put it back', () => {
  const deployment = scaled().manifests.find(({ kind }) => kind === 'Deployment');
  assert.ok(deployment !== undefined && !('replicas' in (deployment.spec as object)));
  assert.deepEqual(
    kinds(render('everything')).filter((kind) => /Autoscaler|Scaled/.test(kind)),
    [],
  );
});

test('disruptions are bounded by the fewest replicas that scaling leaves', () => {
  assert.ok(!kinds(scaled('autoscaling.minReplicas=1', 'replicaCount=5')).includes('PodDisruptionBudget'));
  assert.ok(kinds(scaled('autoscaling.minReplicas=2', 'replicaCount=1')).includes('PodDisruptionBudget'));
});

for (const kind of ['hpa', 'keda'])
  test(`${kind}: a measure of 0 is not scaled by, and Prometheus is then not asked`, () => {
    const of = (...sets: readonly string[]) => scaled(`autoscaling.kind=${kind}`, ...sets).text;
    assert.doesNotMatch(of('autoscaling.liveStreams=0'), /portico_live_streams/);
    assert.doesNotMatch(of('autoscaling.cpuPercent=0', 'autoscaling.keda.prometheusUrl=http://a:9090'), /name: cpu|type: cpu/);
  });

const refused: readonly (readonly [values: string, sets: readonly string[], message: RegExp])[] = [
  ['least', [], /autoscaling\.maxReplicas: more than one replica needs Redis/],
  ['least', ['autoscaling.minReplicas=1', 'autoscaling.maxReplicas=2'], /autoscaling\.maxReplicas: more than one replica needs Redis/],
  ['everything', ['autoscaling.minReplicas=31'], /at most autoscaling\.maxReplicas, which is 30/],
  ['everything', ['autoscaling.cpuPercent=0', 'autoscaling.liveStreams=0'], /cpuPercent, liveStreams or both/],
  ['everything', ['resources.requests.cpu=null'], /resources\.requests\.cpu is needed/],
  ['everything', ['autoscaling.kind=keda'], /autoscaling\.keda\.prometheusUrl is needed/],
  ['everything', ['autoscaling.liveStreams=10000'], /less than 10000, which is config\.public\.limits\.connections/],
  ['everything', ['config.public.limits.connections=5000'], /less than 5000/],
  ['everything', ['config.workers=2', 'autoscaling.liveStreams=20000'], /less than 20000/],
  ['everything', ['autoscaling.kind=vpa'], /\/autoscaling\/kind/],
  ['everything', ['autoscaling.minReplicas=0'], /\/autoscaling\/minReplicas/],
];
for (const [values, sets, message] of refused)
  test(`autoscaling of ${values} with ${sets.join(', ') || 'nothing else'} is refused with what to do`, () => {
    assert.throws(() => render(values, { sets: ['autoscaling.enabled=true', ...sets] }), message);
  });
