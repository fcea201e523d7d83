import type { Transport } from '@connectrpc/connect';
import { type ProtocolName, transportOf } from './protocols.ts';

/** Transports by name, each made once: calls share a connection, as a client's do. */
export function transportsOf(at: { readonly url: string; readonly ca: string }): (name: ProtocolName) => Transport {
  const made = new Map<ProtocolName, Transport>();
  return (name) => {
    const transport = made.get(name) ?? transportOf(name, at);
    made.set(name, transport);
    return transport;
  };
}
