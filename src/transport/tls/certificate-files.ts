import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from '../../core/kit/clock.ts';
import type { Log } from '../../core/ports/log.ts';
import type { Front } from '../front.ts';
import type { FrontTls } from '../front-options.ts';

/** Paths of PEM files. */
export type CertificateFiles = { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string | undefined };

/**
 * Reads a certificate and its key, and checks them before they are used.
 * @throws Error naming the file when one cannot be read, the key is not that of the certificate, or the certificate has
 * expired
 */
export function readCertificate({ certFile, keyFile, clientCaFile }: CertificateFiles, nowMs: number): FrontTls {
  const [cert, key] = [read(certFile), read(keyFile)];
  const certificate = certificateIn(certFile, cert);
  const privateKey = parsed(() => createPrivateKey(key), `The file ${keyFile} is not a private key in PEM form.`);
  if (!certificate.checkPrivateKey(privateKey)) throw new Error(`The key in ${keyFile} is not that of the certificate in ${certFile}.`);
  if (Date.parse(certificate.validTo) < nowMs) throw new Error(`The certificate in ${certFile} expired at ${certificate.validTo}.`);
  return { cert, key, ...(clientCaFile === undefined ? {} : { clientCa: readAuthorities(clientCaFile) }) };
}

/**
 * Reads the certificates of authorities.
 * @throws Error naming the file when it cannot be read, or begins with no certificate
 */
export function readAuthorities(file: string): string {
  const text = read(file);
  certificateIn(file, text);
  return text;
}

function certificateIn(file: string, text: string): X509Certificate {
  return parsed(() => new X509Certificate(text), `The file ${file} is not a certificate in PEM form.`);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`The file ${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

function parsed<T>(parse: () => T, otherwise: string): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(otherwise, { cause });
  }
}

/** The interval of checking the files, which cert-manager and the kubelet replace silently. Milliseconds. */
const everyMs = 10_000;

/**
 * Gives a listener its new certificate when its files change; an unusable pair is logged and not used.
 * @returns stops it
 */
export function watchCertificate(front: Pick<Front, 'setCertificate'>, files: CertificateFiles | undefined, clock: Clock, log: Log): () => void {
  if (files === undefined) return () => {};
  const { certFile, keyFile, clientCaFile } = files;
  const watched = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  const stampOf = () => watched.map((file) => statSync(file).mtimeMs).join();
  let stamp = stampOf();
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(everyMs, () => {
      try {
        const now = stampOf();
        if (now !== stamp) {
          front.setCertificate(readCertificate(files, clock.nowMs()));
          log.info('The certificate was replaced.', { certFile });
        }
        stamp = now;
      } catch (error) {
        log.error('The new certificate is not usable; the old one stays.', { certFile, error });
      }
      schedule();
    });
  };
  schedule();
  return () => cancel();
}
