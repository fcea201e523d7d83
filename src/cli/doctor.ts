import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { processMemoryBytes } from '../settings/defaults/by-mode-and-memory.ts';
import type { Settings } from '../settings.ts';
import { databaseMisfit } from '../wire/migrations.ts';
import { redisFit } from '../wire/shared-stores.ts';
import { systemClock } from '../wire/system-clock.ts';
import { certificateFindings, clockFinding, type Finding, limitFindings } from './doctor-findings.ts';
import { Exit, exitCodes } from './exit-codes.ts';
import { modeOf, type SettingsFlags, settingsOf } from './settings-flags.ts';

/** Of one connection or request. Milliseconds. */
const timeoutMs = 3_000;

/**
 * `portico doctor`: clock, certificates, DNS, engines, migrations, upstreams, limits of files and memory, as this
 * machine sees them: what is wrong, and what to type. Exit code 3: something is wrong.
 */
export async function runDoctor({ json = false, ...flags }: SettingsFlags & { readonly json?: boolean }): Promise<void> {
  const settings = settingsOf(modeOf(flags), flags);
  const places = [issuers, certificates, database, redis, upstreams, limits];
  const findings = (await Promise.all(places.map((look) => look(settings)))).flat();
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
  if (urls.length === 0) return [{ name: 'clock', is: 'ok', message: 'no issuer is set, so there is no other clock to compare with' }];
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

async function certificates({ public: { tls, plaintext }, internal }: Settings): Promise<readonly Finding[]> {
  const files = new Set([tls?.certFile, internal.tls?.certFile].filter((file) => file !== undefined));
  if (files.size === 0) return [{ name: 'certificate', is: 'ok', message: plaintext ? 'a proxy terminates TLS' : 'dev makes its own' }];
  return [...files].flatMap((file) => {
    try {
      return certificateFindings('certificate', file, readFileSync(file, 'utf8'), systemClock.nowMs());
    } catch (error) {
      return [{ name: 'certificate', is: 'wrong', message: `${file}: ${textOf(error)}`, fix: `ls -l ${file}` }] satisfies readonly Finding[];
    }
  });
}

async function database(settings: Settings): Promise<readonly Finding[]> {
  const name = 'database';
  if (settings.embedded)
    return [{ name, is: 'ok', message: `embedded, ${existsSync(join(settings.dataDir, 'pglite')) ? 'in' : 'will be made in'} ${settings.dataDir}` }];
  const { hostname, port } = new URL(settings.sql.url ?? '');
  const address = `${hostname}:${port === '' ? '5432' : port}`;
  const unreachable = await reach(address);
  if (unreachable !== undefined) return [{ name, is: 'wrong', message: `${address} ${unreachable.message}`, fix: unreachable.fix }];
  try {
    const misfit = await databaseMisfit(settings);
    return [misfit === undefined ? { name, is: 'ok', message: 'its schema fits' } : { name, is: 'wrong', message: misfit, fix: 'portico migrate' }];
  } catch (error) {
    return [{ name, is: 'wrong', message: textOf(error), fix: 'psql "$DATABASE_URL" -c "select 1"' }];
  }
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
  const found = Object.entries(settings.upstreams).map(async ([upstream, { address }]): Promise<Finding> => {
    const name = 'upstream';
    if (/^(?:unix|ipv[46]):/.test(address)) return { name, is: 'ok', message: `${upstream}: ${address} needs no DNS, and is not tried` };
    const unreachable = await reach(address);
    if (unreachable === undefined) return { name, is: 'ok', message: `${upstream}: ${address} accepts connections` };
    return { name, is: 'wrong', message: `${upstream}: ${address} ${unreachable.message}`, fix: unreachable.fix };
  });
  return Promise.all(found);
}

/** Resolves a name and opens a connection. @returns what is wrong */
async function reach(address: string): Promise<{ readonly message: string; readonly fix: string } | undefined> {
  const [, bracketed, plain = '', port = ''] = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  try {
    await lookup(host);
  } catch (error) {
    return { message: `has no address in DNS (${textOf(error)})`, fix: `getent hosts ${host}` };
  }
  const failed = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: timeoutMs });
    socket.once('connect', () => resolve(undefined));
    socket.once('timeout', () => resolve(`does not answer within ${timeoutMs / 1_000} s: a firewall or a NetworkPolicy`));
    socket.once('error', ({ message }) => resolve(`refuses connections (${message})`));
    socket.once('connect', () => socket.destroy()).once('timeout', () => socket.destroy());
  });
  return failed === undefined ? undefined : { message: failed, fix: `nc -vz ${host} ${port}` };
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
