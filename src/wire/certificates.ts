import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import { readCertificate } from '../core/transport/certificate.ts';
import { devTls } from '../core/transport/dev-tls.ts';
import type { Front } from '../core/transport/front.ts';
import type { FrontTls } from '../core/transport/front-options.ts';
import type { Settings } from '../settings.ts';

export type CertificateFiles = { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string | undefined };
export type Certificates = {
  /** Undefined: plain HTTP behind a proxy. */
  readonly public: FrontTls | undefined;
  readonly internal: FrontTls;
  /** Certificate of the authority that dev made. */
  readonly caFile: string | undefined;
  /** The files that are watched, for each listener. */
  readonly files: { readonly public: CertificateFiles | undefined; readonly internal: CertificateFiles | undefined };
};

/** @throws Error naming the file when a certificate or key is not usable */
export async function openCertificates({ mode, dataDir, public: { tls, plaintext }, internal }: Settings, clock: Clock): Promise<Certificates> {
  const made = tls === undefined && mode === 'dev' ? await devTls(join(dataDir, 'tls'), clock.nowMs()) : undefined;
  const read = (files: CertificateFiles | undefined) => (files === undefined ? undefined : readCertificate(definedOf(files), clock.nowMs()));
  const ofPublic = read(tls) ?? made;
  const internalFiles = internal.tls ?? tls;
  const ofInternal = read(internalFiles) ?? made;
  if (ofInternal === undefined) throw new Error('The internal listener has no certificate.');
  return { public: plaintext ? undefined : ofPublic, internal: ofInternal, caFile: made?.caFile, files: { public: tls, internal: internalFiles } };
}

function definedOf({ certFile, keyFile, clientCaFile }: CertificateFiles) {
  return clientCaFile === undefined ? { certFile, keyFile } : { certFile, keyFile, clientCaFile };
}

/** How often the files are looked at: cert-manager and the kubelet replace them without a word. Milliseconds. */
const everyMs = 10_000;

/** Gives a listener its new certificate when its files change; a pair that is not usable is said and not taken. @returns stops it */
export function watchCertificate(front: Pick<Front, 'setCertificate'>, files: CertificateFiles | undefined, clock: Clock, log: Log): () => void {
  if (files === undefined) return () => {};
  const stampOf = () =>
    Object.values(definedOf(files))
      .map((file) => statSync(file).mtimeMs)
      .join();
  let stamp = stampOf();
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(everyMs, () => {
      try {
        const now = stampOf();
        if (now !== stamp) {
          front.setCertificate(readCertificate(definedOf(files), clock.nowMs()));
          log.info('The certificate was replaced.', { certFile: files.certFile });
        }
        stamp = now;
      } catch (error) {
        log.error('The new certificate is not usable; the old one stays.', { certFile: files.certFile, error });
      }
      schedule();
    });
  };
  schedule();
  return () => cancel();
}
