import { X509Certificate } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';

/**
 * The end of each listener's certificate, as a Unix time.
 * @param certificates the PEM text by listener, read at each collection: what a file contains now is what the listener
 * loads within ten seconds
 */
export function certificateMetrics(meter: Meter, certificates: Readonly<Record<string, () => string | undefined>>): void {
  meter
    .createObservableGauge('portico.certificate.not_after', { unit: 's', description: 'Unix time at which the certificate of a listener expires.' })
    .addCallback((observed) => {
      for (const [listener, read] of Object.entries(certificates)) {
        const seconds = notAfter(read);
        if (seconds !== undefined) observed.observe(seconds, { listener });
      }
    });
}

/** Undefined while there is none, or while its file is being replaced. */
function notAfter(read: () => string | undefined): number | undefined {
  try {
    const pem = read();
    return pem === undefined ? undefined : Date.parse(new X509Certificate(pem).validTo) / 1_000;
  } catch {
    return undefined; // the listener logs an unusable file
  }
}
