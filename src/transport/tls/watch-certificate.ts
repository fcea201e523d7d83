import { statSync } from 'node:fs';
import type { Clock } from '../../core/kit/clock.ts';
import type { Log } from '../../core/ports/log.ts';
import type { Front } from '../front.ts';
import { type CertificateFiles, readCertificate } from './certificate.ts';

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
