import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { processMemoryBytes } from '../settings/defaults/by-mode-and-memory.ts';
import type { Settings } from '../settings.ts';
import { openCertificates } from '../wire/certificates.ts';
import { databaseFacts } from '../wire/migrations.ts';
import { redisFit } from '../wire/shared-stores.ts';
import { systemClock } from '../wire/system-clock.ts';
import { countKeys } from '../wire/tokens-for-commands.ts';
import { type Tried, tryConnections, upstreamConfigs } from '../wire/upstreams.ts';
import { certificateFindings, clockFinding, databaseFindings, type Finding, limitFindings } from './doctor-findings.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** Of one connection or request. Milliseconds. */
const timeoutMs = 3_000;

/**
 * `portico doctor`: clock, certificates and keys, DNS, engines, migrations, upstreams, limits of files and memory, as
 * this machine sees them: what is wrong, and what to type. Exit code 3: something is wrong.
 */
export async function runDoctor({ json = false, ...flags }: SettingsFlags & { readonly json?: boolean }): Promise<void> {
  const settings = settingsOf(modeOf(flags), flags);
  const places = [issuers, certificates, signingKeys, database, redis, upstreams, others, limits];
  const findings = (await Promise.all(places.map((look) => look(settings)))).flat();
  if (!findings.some(({ name }) => name === 'clock'))
    findings.unshift({ name: 'clock', is: 'ok', message: 'there is no other clock to compare with' });
  if (json) process.stdout.write(`${JSON.stringify({ ok: findings.every(({ is }) => is !== 'wrong'), findings })}\n`);
  else for (const finding of findings) process.stdout.write(lineOf(finding));
  const wrong = findings.filter(({ is }) => is === 'wrong').length;
  if (wrong > 0) throw new Exit(exitCodes.dependency, `${wrong} of ${findings.length} findings are wrong.`);
}

const words = { ok: 'ok     ', warning: 'warning', wrong: 'WRONG  ' };

function lineOf({ name, is, message, fix }: Finding): string {
  return `${words[is]} ${name.padEnd(12)} ${message}\n${fix === undefined ? '' : `        ${' '.repeat(12)} type: ${fix}\n`}`;
}

const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The keys of issuers, and the clock by the Date of their answers (RFC 9110, section 6.6.1: whole seconds). */
async function issuers({ auth }: Settings): Promise<readonly Finding[]> {
  const urls = [...new Set([...auth.idTokenIssuers, ...auth.externalIssuers].map(({ jwksUrl }) => jwksUrl))];
  const found = await Promise.all(
    urls.map(async (url): Promise<readonly Finding[]> => {
      const name = 'issuer';
      const fix = `curl -v ${url}`;
      try {
        const { ok, status, headers } = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
        const date = Date.parse(headers.get('date') ?? '');
        const answered: Finding = ok
          ? { name, is: 'ok', message: `${url} answers` }
          : { name, is: 'wrong', message: `${url} answers ${status}`, fix };
        return Number.isNaN(date) ? [answered] : [answered, clockFinding(systemClock.nowMs() - date, new URL(url).host)];
      } catch (error) {
        const cause = error instanceof Error && error.cause !== undefined ? textOf(error.cause) : textOf(error);
        return [{ name, is: 'wrong', message: `${url} does not answer: ${cause}`, fix }];
      }
    }),
  );
  return found.flat();
}

async function certificates(settings: Settings): Promise<readonly Finding[]> {
  const { tls, plaintext } = settings.public;
  const name = 'certificate';
  const pairs = [tls, settings.internal.tls].filter((pair) => pair !== undefined);
  if (pairs.length === 0) return [{ name, is: 'ok', message: plaintext ? 'a proxy terminates TLS' : 'dev makes its own' }];
  const findings = [...new Set(pairs.map(({ certFile }) => certFile))].flatMap((file): readonly Finding[] => {
    try {
      return certificateFindings(name, file, readFileSync(file, 'utf8'), systemClock.nowMs());
    } catch (error) {
      return [{ name, is: 'wrong', message: `${file}: ${textOf(error)}`, fix: `ls -l ${file}; openssl x509 -in ${file} -noout -text` }];
    }
  });
  if (findings.some(({ is }) => is === 'wrong')) return findings;
  // the rest of what a start asks of them: keys that are there and fit
  const fix = pairs.map(({ keyFile }) => `openssl pkey -in ${keyFile} -noout -check`).join('; ');
  const wrong = await openCertificates(settings, systemClock).then(() => undefined, textOf);
  return wrong === undefined ? findings : [...findings.filter(({ is }) => is !== 'ok'), { name, is: 'wrong', message: wrong, fix }];
}

async function signingKeys(settings: Settings): Promise<readonly Finding[]> {
  const name = 'keys';
  try {
    return [{ name, is: 'ok', message: `${await countKeys(settings)} that sign or verify` }];
  } catch (error) {
    const fix = `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ${settings.keysDir}/0001.pem`;
    return [{ name, is: 'wrong', message: textOf(error), fix }];
  }
}

async function database(settings: Settings): Promise<readonly Finding[]> {
  const name = 'database';
  if (settings.embedded)
    return [{ name, is: 'ok', message: `embedded, ${existsSync(join(settings.dataDir, 'pglite')) ? 'in' : 'will be made in'} ${settings.dataDir}` }];
  const address = databaseAddress(settings.sql.url ?? '');
  const [unreachable] = address === undefined ? [] : await reach({ address });
  if (unreachable !== undefined) return [{ name, is: 'wrong', message: unreachable.message, fix: unreachable.fix }];
  try {
    const facts = await databaseFacts(settings);
    const connections = settings.sql.connectionsMax * settings.workers;
    return [clockFinding(systemClock.nowMs() - facts.nowMs, 'the database'), ...databaseFindings(facts, connections)];
  } catch (error) {
    return [{ name, is: 'wrong', message: textOf(error), fix: 'psql "$DATABASE_URL" -c "select 1"' }];
  }
}

/** @returns undefined for a socket file, which a query names, or where the driver decides */
function databaseAddress(url: string): string | undefined {
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  if (host === '' || host.startsWith('/')) return undefined;
  return `${host}:${port === '' ? (searchParams.get('port') ?? '5432') : port}`;
}

async function redis(settings: Settings): Promise<readonly Finding[]> {
  const name = 'redis';
  const first = settings.redis?.nodes[0] ?? 'HOST:PORT';
  try {
    return [{ name, is: 'ok', message: await redisFit(settings) }];
  } catch (error) {
    return [{ name, is: 'wrong', message: textOf(error), fix: `redis-cli -u redis://${first} info` }];
  }
}

async function upstreams(settings: Settings): Promise<readonly Finding[]> {
  const name = 'upstream';
  const found = Object.entries(settings.upstreams).map(async ([upstream, of]): Promise<readonly Finding[]> => {
    try {
      const config = upstreamConfigs({ upstreams: { [upstream]: of } }, {})[upstream];
      const failed = config === undefined ? [] : await reach(config);
      if (failed.length > 0) return failed.map(({ message, fix }) => ({ name, is: 'wrong', message: `${upstream}: ${message}`, fix }));
      return [{ name, is: 'ok', message: `${upstream}: ${of.address} accepts connections${of.tls === undefined ? '' : ' by TLS'}` }];
    } catch (error) {
      return [{ name, is: 'wrong', message: textOf(error), fix: `portico config | grep upstreams.${upstream}` }];
    }
  });
  return (await Promise.all(found)).flat();
}

/** The servers of attachments, pushes and telemetry: whether they can be reached. */
async function others({ media: { bucket }, push }: Settings): Promise<readonly Finding[]> {
  const urls: (readonly [name: string, url: string])[] = [];
  if (bucket !== undefined) urls.push(['bucket', bucket.endpoint ?? `https://s3.${bucket.region}.amazonaws.com`]);
  if (push.apns !== undefined) urls.push(['push', push.apns.url]);
  if (push.fcm !== undefined) urls.push(['push', push.fcm.url]);
  const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  for (const url of new Set(['TRACES', 'METRICS'].map((signal) => process.env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? endpoint ?? '')))
    if (url !== '') urls.push(['collector', url]);
  return Promise.all(
    urls.map(async ([name, url]): Promise<Finding> => {
      if (!URL.canParse(url)) return { name, is: 'wrong', message: `${url} is no URL`, fix: 'begin it with http:// or https://' };
      const { hostname, port, protocol } = new URL(url);
      const [failed] = await reach({ address: `${hostname}:${port === '' ? (protocol === 'http:' ? '80' : '443') : port}` });
      if (failed === undefined) return { name, is: 'ok', message: `${url} accepts connections` };
      return { name, is: name === 'collector' ? 'warning' : 'wrong', message: failed.message, fix: failed.fix };
    }),
  );
}

/** @returns what is wrong with each address, and what to type */
async function reach(upstream: Parameters<typeof tryConnections>[0]): Promise<readonly { readonly message: string; readonly fix: string }[]> {
  const tried = await tryConnections(upstream, timeoutMs);
  return tried.filter(({ step }) => step !== 'done').map(failureOf);
}

function failureOf({ address, step, failure }: Tried): { readonly message: string; readonly fix: string } {
  const [host, port] = [address.replace(/:\d+$/, '').replace(/^\[(.+)\]$/, '$1'), address.replace(/^.*:/, '')];
  switch (step) {
    case 'dns':
      return { message: `${address} has no address in DNS (${failure})`, fix: `getent hosts ${host}` };
    case 'tls':
      return { message: `${address} fails in the TLS handshake (${failure})`, fix: `openssl s_client -connect ${address} -alpn h2` };
    default: {
      const isSilent = failure.startsWith('nothing within');
      const what = isSilent ? `does not answer (${failure}): a firewall or a NetworkPolicy` : `refuses connections (${failure})`;
      return { message: `${address} ${what}`, fix: address.startsWith('/') ? `ls -l ${address}` : `nc -vz ${host} ${port}` };
    }
  }
}

async function limits({ public: { limits: of }, live, cache, workers }: Settings): Promise<readonly Finding[]> {
  const [, soft] = /^Max open files\s+(\d+)/m.exec(textIn('/proc/self/limits')) ?? [];
  return limitFindings({
    files: soft === undefined ? undefined : Number(soft),
    memory: processMemoryBytes() / workers,
    heap: getHeapStatistics().heap_size_limit,
    cache: cache.bytesMax,
    queued: of.queuedBytes + live.queuedBytes,
    connections: of.connections,
  });
}

/** Of a file of Linux, which other systems do not have. */
function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
