import type { Call, Caller } from '../ports/call.ts';

/**
 * The internal service that calls, by its client certificate.
 * @param services a subject alternative name ("DNS:orders.internal") to a name
 */
export function serviceOf({ peer }: Call, services: ReadonlyMap<string, string>): Caller | undefined {
  for (const certificateName of peer.certificateNames) {
    const name = services.get(certificateName);
    if (name !== undefined) return { kind: 'service', name };
  }
  return undefined;
}
