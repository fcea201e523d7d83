import type { Settings } from '../settings.ts';
import type { Portico } from '../wire/portico.ts';

/** The banner of a server that listens. */
export type Banner = {
  readonly urls: Readonly<Record<string, string>>;
  readonly engines: string;
  readonly methods: string;
  readonly warnings: readonly string[];
  /** A command that works when pasted. */
  readonly command: string;
};

export function bannerOf(settings: Settings, { ports, methods, caFile }: Portico): Banner {
  const scheme = settings.public.plaintext ? 'http' : 'https';
  const publicUrl = `${scheme}://${urlHost(settings.hosts.public)}:${ports.public}`;
  const adminUrl = `http://${urlHost(settings.hosts.admin)}:${ports.admin}`;
  return {
    urls: { public: publicUrl, internal: `https://${urlHost(settings.hosts.internal)}:${ports.internal}`, admin: adminUrl },
    engines: `${settings.embedded ? `PGlite in ${settings.dataDir}` : 'PostgreSQL'}; ${settings.redis === undefined ? 'everything else in memory' : `Redis (${settings.redis.mode})`}`,
    methods: countsOf(methods.plans.values()),
    warnings: [...warningsOf(settings), ...methods.warnings],
    command:
      settings.mode === 'dev'
        ? `curl${caFile === undefined ? '' : ` --cacert ${quoted(caFile)}`} ${publicUrl}/portico.v1.SessionService/SignIn -H 'content-type: application/json' -d '{"dev":{"user":"alice"},"device":{"platform":"ios","name":"my phone"}}'`
        : `curl ${adminUrl}/readyz`,
  };
}

/** The banner as text for a terminal. */
export function bannerText(version: string, mode: string, { urls, engines, methods, warnings, command }: Banner): string {
  const lines = [
    `Portico ${version} (${mode})`,
    '',
    `  public    ${urls.public}   gRPC, gRPC-Web, Connect and JSON`,
    `  internal  ${urls.internal}   for internal services`,
    `  admin     ${urls.admin}/readyz, /metrics`,
    `  engines   ${engines}`,
    `  methods   ${methods}`,
    ...warnings.map((warning) => `  warning   ${warning}`),
    '',
    mode === 'dev' ? 'Sign in as alice:' : 'Is it ready?',
    `  ${command}`,
    '',
  ];
  return lines.join('\n');
}

function countsOf(plans: Iterable<Portico['methods']['plans'] extends ReadonlyMap<string, infer P> ? P : never>): string {
  const counts = { anonymous: 0, user: 0, services: 0 };
  let cached = 0;
  let forwarded = 0;
  let all = 0;
  for (const { access, cache, forward } of plans) {
    all++;
    counts[access.kind]++;
    if (cache !== undefined) cached++;
    if (forward !== undefined) forwarded++;
  }
  return `${all}: ${counts.user} signed-in, ${counts.anonymous} open to all, ${counts.services} internal; ${cached} cached, ${forwarded} forwarded`;
}

function warningsOf({ mode, hosts, public: { plaintext } }: Settings): readonly string[] {
  const warnings: string[] = [];
  const loopback = /^(127\.|::1$|localhost$)/;
  if (mode === 'dev' && !loopback.test(hosts.public))
    warnings.push(`dev signs anyone in, and listens on ${hosts.public}: set public.host to 127.0.0.1 unless the network is yours.`);
  if (mode === 'serve' && plaintext) warnings.push('public.plaintext: only a proxy that ends TLS may reach this port.');
  return warnings;
}

/** A host that a client can connect to: the wildcard address is not one. */
export function urlHost(host: string): string {
  if (host === '::' || host === '0.0.0.0' || host === '127.0.0.1') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
