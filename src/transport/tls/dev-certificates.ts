import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { FrontTls } from '../front-options.ts';

const dayMs = 86_400_000;
/** The address of the host machine in an Android emulator (Android Studio, "Set up Android Emulator networking"). */
const androidEmulatorHost = '10.0.2.2';

export type DevTls = FrontTls & { /** Path of the authority's certificate, for clients. */ readonly caFile: string };

/**
 * Certificates for a developer's machine: an authority, created at the first start and stored, and a leaf for
 * localhost, this host's names and addresses and the Android emulator. The leaf is issued again when it is about to
 * expire or a name is missing.
 * @param folder `<data dir>/tls`; private keys get mode 0600
 */
export async function devTls(folder: string, nowMs: number): Promise<DevTls> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(folder, name);
  const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : undefined);
  const write = (name: string, text: string) => {
    writeFileSync(`${file(name)}.new`, text, { mode: name.endsWith('key.pem') ? 0o600 : 0o644 });
    renameSync(`${file(name)}.new`, file(name)); // whole or not at all
  };
  let ca = { cert: read('ca.pem'), key: read('ca-key.pem') };
  if (ca.cert === undefined || ca.key === undefined || expiresWithin(ca.cert, nowMs, 30 * dayMs)) {
    const { generate } = await loadSelfsigned();
    const made = await generate([{ name: 'commonName', value: `Portico development CA (${hostname()})` }], {
      keyType: 'ec',
      algorithm: 'sha256', // selfsigned's own default is SHA-1, which OpenSSL refuses
      notAfterDate: new Date(nowMs + 3_650 * dayMs),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    ca = { cert: made.cert, key: made.private };
    write('ca-key.pem', made.private);
    write('ca.pem', made.cert);
  }
  const names = namesOfThisHost();
  let leaf = { cert: read('cert.pem'), key: read('key.pem') };
  if (leaf.cert === undefined || leaf.key === undefined || expiresWithin(leaf.cert, nowMs, 7 * dayMs) || !covers(leaf.cert, ca.cert ?? '', names)) {
    const { generate } = await loadSelfsigned();
    const made = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      algorithm: 'sha256', // selfsigned's own default is SHA-1, which OpenSSL refuses
      notAfterDate: new Date(nowMs + 365 * dayMs),
      ca: { key: ca.key ?? '', cert: ca.cert ?? '' },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: [...names.dns.map((value) => ({ type: 2 as const, value })), ...names.ips.map((ip) => ({ type: 7 as const, ip }))],
        },
      ],
    });
    leaf = { cert: made.cert, key: made.private };
    write('key.pem', made.private);
    write('cert.pem', made.cert);
  }
  return { key: leaf.key ?? '', cert: leaf.cert ?? '', caFile: file('ca.pem') };
}

/** Imported only to issue a certificate: it would take a tenth of every start. */
const loadSelfsigned = () => import('selfsigned');

function namesOfThisHost(): { readonly dns: readonly string[]; readonly ips: readonly string[] } {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ scopeid }) => (scopeid ?? 0) === 0);
  const dns = ['localhost', hostname()].filter((name) => /^[a-zA-Z0-9.-]+$/.test(name));
  return { dns: [...new Set(dns)], ips: [...new Set(['127.0.0.1', '::1', androidEmulatorHost, ...addresses.map(({ address }) => address)])] };
}

function expiresWithin(pem: string, nowMs: number, ms: number): boolean {
  return Date.parse(new X509Certificate(pem).validTo) < nowMs + ms;
}

function covers(leaf: string, ca: string, { dns, ips }: ReturnType<typeof namesOfThisHost>): boolean {
  const certificate = new X509Certificate(leaf);
  return (
    certificate.checkIssued(new X509Certificate(ca)) &&
    dns.every((name) => certificate.checkHost(name) !== undefined) &&
    ips.every((ip) => certificate.checkIP(ip) !== undefined)
  );
}
