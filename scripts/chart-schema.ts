// Makes helm/portico/values.schema.json: the chart's own values, and in `config` every setting that the chart leaves to its user, so that `helm install` refuses what the
// server would refuse. And templates/_defaults.tpl: values.yaml once more, for templates, which see no default where a user wrote null.
// And README.md. With --print, --print-defaults or --print-readme it prints one of them instead, for the tests that compare.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { settingsSchema } from '../src/settings/schema.ts';
import { chartReadme } from './chart-readme.ts';

type Schema = { type?: string; properties?: Record<string, Schema>; [key: string]: unknown };

const chart = resolve(import.meta.dirname, '../helm/portico');

/** What templates/_helpers.tpl sets itself: listeners, files, secrets, and what is for development. */
const chartsOwn = [
  ...['host', 'port', 'tls', 'plaintext'].map((key) => `public.${key}`),
  ...['host', 'port', 'tls'].map((key) => `internal.${key}`),
  ...['admin', 'dataDir', 'embedded', 'sample', 'sql.url', 'sql.urlFile', 'auth.keysDir', 'auth.refreshKey', 'auth.refreshKeyFile', 'auth.devScopes'],
  ...['url', 'password', 'sentinelPassword'].flatMap((key) => [`redis.${key}`, `redis.${key}File`]),
  ...['apns.key', 'fcm.account'].flatMap((key) => [`push.${key}`, `push.${key}File`]),
];

const name: Schema = { type: 'string', pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', maxLength: 253 };
/** Of Services, too: begins with a letter, without dots (RFC 1035). */
const serviceName: Schema = { type: 'string', pattern: '^([a-z]([-a-z0-9]*[a-z0-9])?)?$', maxLength: 253 };
const port: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
const flag: Schema = { type: 'boolean' };
const map: Schema = { type: 'object', additionalProperties: { type: 'string' } };
/** Of texts; a null takes one away. */
const changes: Schema = { type: 'object', additionalProperties: { type: ['string', 'null'] } } as Schema;
const anything: Schema = { type: 'object' };
const list: Schema = { type: 'array', items: anything };
const oneOf = (...values: readonly string[]): Schema => ({ enum: values });
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', additionalProperties: false, properties });
const key: Schema = { type: 'string', pattern: '^[-._a-zA-Z0-9]+$' };
/** As Gateways and Ingresses have it: a name, or "*." and a name. */
const hostname: Schema = { type: 'string', pattern: '^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', maxLength: 253 };
const route = object({ enabled: flag, parentRefs: list, hostnames: { type: 'array', items: hostname }, annotations: map });
const goDuration: Schema = { type: 'string', pattern: '^([0-9]+(h|m|s))+$' };
const certificate = object({
  enabled: flag,
  issuerRef: object({ name, kind: { type: 'string', minLength: 1 }, group: name }),
  dnsNames: { type: 'array', items: hostname },
  duration: goDuration,
  renewBefore: goDuration,
});
const secretKey = object({ name, key });

const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the Portico chart (made by npm run generate)',
  ...object({
    image: object({
      // as of a reference to an image: https://github.com/distribution/reference
      repository: { type: 'string', pattern: '^([a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*)?$' },
      tag: { type: 'string', pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$' },
      digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
      pullPolicy: oneOf('IfNotPresent', 'Always', 'Never'),
    }),
    imagePullSecrets: { type: 'array', items: object({ name }) },
    nameOverride: name,
    fullnameOverride: serviceName,
    replicaCount: { type: 'integer', minimum: 0, maximum: 1_000 },
    autoscaling: object({
      enabled: flag,
      kind: oneOf('hpa', 'keda'),
      minReplicas: { type: 'integer', minimum: 1, maximum: 1_000 },
      maxReplicas: { type: 'integer', minimum: 1, maximum: 1_000 },
      cpuPercent: { type: 'integer', minimum: 0, maximum: 1_000 },
      liveStreams: { type: 'integer', minimum: 0, maximum: 1_000_000 },
      scaleDownPercent: { type: 'integer', minimum: 1, maximum: 100 },
      scaleDownAfterSeconds: { type: 'integer', minimum: 0, maximum: 3_600 },
      keda: object({ prometheusUrl: { type: 'string', pattern: '^(https?://\\S+)?$' } }),
    }),
    podDisruptionBudget: object({
      // 0 would let no node be drained
      maxUnavailable: {
        anyOf: [
          { type: 'integer', minimum: 1, maximum: 1_000 },
          { type: 'string', pattern: '^([1-9][0-9]?|100)%$' },
        ],
      },
    }),
    secrets: object({
      database: secretKey,
      refreshKey: secretKey,
      signingKeys: object({ name }),
      redisUrl: secretKey,
      redisPassword: secretKey,
      redisSentinelPassword: secretKey,
      bucketKey: secretKey,
      apnsKey: secretKey,
      fcmAccount: secretKey,
    }),
    tls: object({
      public: object({ secretName: name, certificate, plaintext: flag }),
      internal: object({ secretName: name, clientCaKey: { type: 'string', pattern: '^[-._a-zA-Z0-9]*$' }, certificate }),
    }),
    config: configSchema(),
    extraEnv: {
      type: 'array',
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 }, value: { type: 'string' } } },
    },
    service: object({
      public: object({ type: oneOf('ClusterIP', 'LoadBalancer', 'NodePort'), port, annotations: map, spec: anything }),
      internal: object({ port }),
      admin: object({ port }),
      peers: object({ enabled: flag }),
    }),
    networkPolicy: object({
      enabled: flag,
      publicFrom: list,
      internalFrom: list,
      adminFrom: list,
      egress: object({ enabled: flag, databasePorts: { type: 'array', items: port }, redisPorts: { type: 'array', items: port }, more: list }),
    }),
    routes: object({
      tls: route,
      grpc: route,
      http: route,
      backendTls: object({ enabled: flag, hostname: name, caConfigMap: name }),
      envoyGateway: object({ enabled: flag }),
      gke: object({ enabled: flag }),
    }),
    ingress: object({
      enabled: flag,
      className: name,
      hosts: { type: 'array', items: hostname },
      passthrough: flag,
      tlsSecretName: name,
      controller: oneOf('', 'nginx'),
      annotations: map,
    }),
    monitoring: object({
      labels: map,
      interval: { type: 'string', pattern: '^[1-9][0-9]*(ms|s|m|h)$' },
      serviceMonitor: object({ enabled: flag }),
      podMonitor: object({ enabled: flag }),
      rules: object({ enabled: flag }),
      dashboards: object({ enabled: flag, labels: map, annotations: map }),
    }),
    serviceAccount: object({ create: flag, name, annotations: map }),
    migrations: object({
      mode: oneOf('hook', 'job', 'off'),
      activeDeadlineSeconds: { type: 'integer', minimum: 1 },
      backoffLimit: { type: 'integer', minimum: 0, maximum: 100 },
      resources: anything,
    }),
    resources: anything,
    preStopSleepSeconds: { type: 'integer', minimum: 1, maximum: 3_600 },
    terminationGracePeriodSeconds: { type: 'integer', minimum: 1, maximum: 86_400 },
    podAnnotations: map,
    nodeSelector: map,
    tolerations: list,
    affinity: anything,
    priorityClassName: name,
    extraVolumes: list,
    extraVolumeMounts: list,
    test: object({ enabled: flag, resources: anything }),
    podTemplate: object({ metadata: { type: 'object', properties: { labels: changes, annotations: changes } }, spec: anything }),
    extraObjects: { type: 'array', items: { type: ['object', 'string'] } },
    global: anything, // of a chart around this one; Helm adds it
  }),
};

// The schema lets names of before through to the template that refuses them with the name of now.
const renamed = JSON.parse(readFileSync(resolve(chart, 'files/renamed.json'), 'utf8')) as Record<string, string>;
for (const path of Object.keys(renamed)) {
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  const parent = parts.reduce<Schema | undefined>((at, part) => at?.properties?.[part], schema as Schema);
  if (parent?.properties === undefined || last in parent.properties) throw new Error(`files/renamed.json: ${path} cannot be a name of before.`);
  parent.properties[last] = { description: `Renamed: ${renamed[path]}` };
}

function configSchema(): Schema {
  const whole = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any', target: 'draft-7' }) as Schema;
  delete whole.$schema;
  for (const path of chartsOwn) {
    const parts = path.split('.');
    const last = parts.pop() ?? '';
    const parent = parts.reduce<Schema | undefined>((at, part) => at?.properties?.[part], whole);
    if (parent?.properties?.[last] === undefined) throw new Error(`${path} is no setting any more: mend chartsOwn, and templates/_helpers.tpl.`);
    delete parent.properties[last];
  }
  return whole;
}

const json = `${JSON.stringify(schema, null, 2)}\n`;
const valuesText = readFileSync(resolve(chart, 'values.yaml'), 'utf8');
const values: unknown = parse(valuesText);
const defaults = `{{/* Made from values.yaml by npm run generate. */}}
{{- define "portico.defaults" -}}
${JSON.stringify(values, null, 2)}
{{- end }}
`;
if (process.argv.includes('--print')) process.stdout.write(json);
else if (process.argv.includes('--print-defaults')) process.stdout.write(defaults);
else if (process.argv.includes('--print-readme')) process.stdout.write(chartReadme(valuesText));
else {
  writeFileSync(resolve(chart, 'values.schema.json'), json);
  writeFileSync(resolve(chart, 'templates/_defaults.tpl'), defaults);
  writeFileSync(resolve(chart, 'README.md'), chartReadme(valuesText));
}
