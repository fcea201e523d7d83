import { X509Certificate } from 'node:crypto';
import type { databaseFacts } from '../wire/migrations.ts';

/** What was found in one place. `fix` is what to type or change. */
export type Finding = { readonly name: string; readonly is: 'ok' | 'warning' | 'wrong'; readonly message: string; readonly fix?: string };

const dayMs = 86_400_000;
/** A token is valid from its `iat` on: servers that differ by more refuse each other's fresh tokens. Milliseconds. */
const skewMaxMs = 5_000;
/** Open files besides connections of clients: upstreams, engines, modules. */
const otherFiles = 500;
/** The part of the memory that heap and buffers may fill; the rest is code, stacks and the kernel's sockets. */
const memoryShare = 0.9;
/** A server does not run well with less. */
const heapShareMin = 0.25;

/** @param skewMs of this clock against that of `source`; positive: this one is ahead */
export function clockFinding(skewMs: number, source: string): Finding {
  const name = 'clock';
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  if (Math.abs(skewMs) <= skewMaxMs) return { name, is: 'ok', message: `agrees with ${source}` };
  const message = `is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} ${source}: tokens of one are refused by the other`;
  return { name, is: 'wrong', message, fix: 'timedatectl set-ntp true' };
}

/**
 * What clients will find wrong with a certificate file, and what it costs.
 * @param pem the leaf, then its chain
 */
export function certificateFindings(name: string, file: string, pem: string, nowMs: number): readonly Finding[] {
  const chain = (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));
  const [leaf] = chain;
  if (leaf === undefined) return [{ name, is: 'wrong', message: `${file} has no certificate`, fix: `openssl x509 -in ${file} -noout -text` }];
  const findings: Finding[] = [];
  const add = (is: 'warning' | 'wrong', message: string, fix: string) => findings.push({ name, is, message, fix });
  const days = Math.floor((Date.parse(leaf.validTo) - nowMs) / dayMs);
  if (days < 0) add('wrong', `${file} expired at ${leaf.validTo}`, `renew it; look with: openssl x509 -in ${file} -noout -dates`);
  else if (days < 14) add('warning', `${file} expires in ${days} days`, `renew it; look with: openssl x509 -in ${file} -noout -dates`);
  if (Date.parse(leaf.validFrom) > nowMs) add('wrong', `${file} is valid only from ${leaf.validFrom}`, 'compare the clock: date -u');
  if (leaf.subjectAltName === undefined)
    add('wrong', `${file} names no host (subjectAltName), so no client accepts it`, `openssl x509 -in ${file} -noout -ext subjectAltName`);
  const broken = chain.findIndex((one, i) => i + 1 < chain.length && !one.checkIssued(chain[i + 1] as X509Certificate));
  if (broken >= 0)
    add('wrong', `certificate ${broken + 1} of ${file} is not issued by the one after it`, 'order the file: the leaf, then each issuer');
  if (chain.length === 1 && !leaf.checkIssued(leaf))
    add('warning', `${file} has no intermediate certificate: clients do not fetch it`, `cat leaf.pem intermediate.pem > ${file}`);
  if (leaf.publicKey.asymmetricKeyType === 'rsa')
    add(
      'warning',
      `${file} has an RSA key: a handshake costs several times that of P-256`,
      'cert-manager: privateKey: {algorithm: ECDSA, size: 256}',
    );
  return findings.length === 0 ? [{ name, is: 'ok', message: `${file}: ${chain.length} certificates, ${days} days left` }] : findings;
}

/** Connections that PostgreSQL keeps for administrators (superuser_reserved_connections), and for a migration. */
const otherConnections = 4;

/** @param connections of one replica with all its workers */
export function databaseFindings(facts: Awaited<ReturnType<typeof databaseFacts>>, connections: number): readonly Finding[] {
  const name = 'database';
  const findings: Finding[] = [];
  const add = (is: 'warning' | 'wrong', message: string, fix: string) => findings.push({ name, is, message, fix });
  const replicas = Math.floor((facts.connectionsMax - otherConnections) / connections);
  if (facts.isStandby) add('wrong', 'is a standby, which takes no writes', 'name the primary in sql.url');
  if (facts.misfit !== undefined) add('wrong', facts.misfit, 'portico migrate');
  if (replicas < 1)
    add(
      'wrong',
      `max_connections is ${facts.connectionsMax}, and this replica opens up to ${connections}`,
      `sql.connectionsMax: ${Math.max(1, facts.connectionsMax - otherConnections)}   (of all workers together)`,
    );
  if (facts.fsync === 'off')
    add('warning', 'fsync is off: a crash loses messages that were acknowledged', 'psql "$DATABASE_URL" -c "ALTER SYSTEM RESET fsync"');
  if (facts.synchronousCommit === 'off')
    add(
      'warning',
      'synchronous_commit is off: a crash loses messages that were acknowledged',
      'psql "$DATABASE_URL" -c "ALTER ROLE CURRENT_USER SET synchronous_commit = on"',
    );
  if (!facts.hasTimeLimits)
    add(
      'warning',
      'a pooler drops the time limits that connections ask for',
      `psql "$DATABASE_URL" -c "ALTER ROLE CURRENT_USER SET statement_timeout = '15s'" -c "ALTER ROLE CURRENT_USER SET lock_timeout = '2s'" -c "ALTER ROLE CURRENT_USER SET jit = off"`,
    );
  if (findings.length > 0) return findings;
  return [
    { name, is: 'ok', message: `its schema fits; max_connections ${facts.connectionsMax} is enough for ${replicas} replicas of ${connections}` },
  ];
}

export type Limits = {
  /** Soft limit of open files; undefined: not known. */
  readonly files: number | undefined;
  /** Of the container or the machine. Bytes, as the rest. */
  readonly memory: number;
  readonly heap: number;
  readonly cache: number;
  /** What may wait for clients: answers, and messages of streams. */
  readonly queued: number;
  readonly connections: number;
};

/** Whether the process may have the files and the memory that its settings permit it to use. */
export function limitFindings({ files, memory, heap, cache, queued, connections }: Limits): readonly Finding[] {
  const mib = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;
  const wanted = connections + otherFiles;
  const most = heap + cache + queued;
  const fits = most <= memory * memoryShare;
  const ofMemory = `heap ${mib(heap)} + cache.bytesMax ${mib(cache)} + queuedBytes ${mib(queued)} of ${mib(memory)}`;
  const percent = Math.floor((100 * (memory * memoryShare - cache - queued)) / memory);
  const smaller = `cache.bytesMax: ${Math.max(0, Math.floor(memory * (memoryShare - heapShareMin)) - queued)}, and restart with NODE_OPTIONS=--max-old-space-size-percentage=${100 * heapShareMin}`;
  return [
    files !== undefined && files < wanted
      ? {
          name: 'files',
          is: 'wrong',
          message: `${files} open files are allowed, and public.limits.connections is ${connections}: new connections would fail`,
          fix: `ulimit -n ${wanted}   (systemd: LimitNOFILE=${wanted})`,
        }
      : { name: 'files', is: 'ok', message: `${files ?? 'an unknown number of'} open files are allowed` },
    fits
      ? { name: 'memory', is: 'ok', message: ofMemory }
      : {
          name: 'memory',
          is: 'warning',
          message: `${ofMemory}: the kernel may end the process`,
          fix: percent < 100 * heapShareMin ? smaller : `NODE_OPTIONS=--max-old-space-size-percentage=${percent}`,
        },
  ];
}
