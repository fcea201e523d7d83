import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/kit/clock.ts';
import type { Settings } from '../settings.ts';
import type { FrontTls } from '../transport/front-options.ts';
import { type CertificateFiles, readCertificate } from '../transport/tls/certificate-files.ts';
import { devTls } from '../transport/tls/dev-certificates.ts';

export type Certificates = {
  /** Undefined: plain HTTP behind a proxy. */
  readonly public: FrontTls | undefined;
  readonly internal: FrontTls;
  /** Certificate of the authority that dev created. */
  readonly caFile: string | undefined;
  /** The certificates as the files have them now, by listener. */
  readonly pems: Readonly<Record<'public' | 'internal', () => string | undefined>>;
  /** The watched files of each listener. */
  readonly files: { readonly public: CertificateFiles | undefined; readonly internal: CertificateFiles | undefined };
};

/** Certificate of the authority that dev creates in a data directory. */
export function devCaFile(dataDir: string): string {
  return join(dataDir, 'tls', 'ca.pem');
}

/** @throws Error naming the file when a certificate or key is not usable */
export async function openCertificates({ mode, dataDir, public: { tls, plaintext }, internal }: Settings, clock: Clock): Promise<Certificates> {
  const made = tls === undefined && mode === 'dev' ? await devTls(join(dataDir, 'tls'), clock.nowMs()) : undefined;
  const read = (files: CertificateFiles | undefined) => (files === undefined ? undefined : readCertificate(files, clock.nowMs()));
  const ofPublic = read(tls) ?? made;
  const internalFiles = internal.tls ?? tls;
  const ofInternal = read(internalFiles) ?? made;
  if (ofInternal === undefined) throw new Error('The internal listener has no certificate.');
  const pem = (files: CertificateFiles | undefined, loaded: FrontTls | undefined) => () =>
    files === undefined ? loaded?.cert : readFileSync(files.certFile, 'utf8');
  const toPublic = plaintext ? undefined : ofPublic;
  return {
    public: toPublic,
    internal: ofInternal,
    caFile: made?.caFile,
    files: { public: tls, internal: internalFiles },
    pems: { public: pem(tls, toPublic), internal: pem(internalFiles, ofInternal) },
  };
}
