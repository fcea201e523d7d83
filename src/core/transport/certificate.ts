import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FrontTls } from './front.ts';

/**
 * Reads a certificate and its key, and checks them before anybody is shown them.
 * @throws Error naming the file when one cannot be read, the key is not that of the certificate, or the certificate has expired
 */
export function readCertificate(
  { certFile, keyFile, clientCaFile }: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string },
  nowMs: number,
): FrontTls {
  const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')];
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error(`The key in ${keyFile} is not that of the certificate in ${certFile}.`);
  if (Date.parse(certificate.validTo) < nowMs) throw new Error(`The certificate in ${certFile} expired at ${certificate.validTo}.`);
  return { cert, key, ...(clientCaFile === undefined ? {} : { clientCa: readFileSync(clientCaFile, 'utf8') }) };
}
