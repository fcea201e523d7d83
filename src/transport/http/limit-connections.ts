import type { Server, Socket } from 'node:net';
import { subscriberOf } from '../../core/kit/address-network.ts';
import { openPlaces } from '../../core/kit/concurrency-by-key.ts';
import { peerOf } from '../connection-peer.ts';
import type { FrontLimits } from '../front-options.ts';
import type { TransportReports } from './transport-metrics.ts';

export type Connections = {
  /** The open ones. */
  readonly sockets: ReadonlySet<Socket>;
  /** The first bytes of a connection, or its TLS handshake, have decided its protocol. */
  speaks(socket: Socket, protocol: 'http1' | 'http2'): void;
};

/**
 * Counts the connections of a listener, and refuses those beyond its limits before they cost more than their socket.
 * @param inner gets those that a proxy has passed on
 */
export function limitConnections(listener: Server, limits: FrontLimits, reports: TransportReports, inner = listener): Connections {
  const sockets = new Set<Socket>();
  const ofAddresses = openPlaces();
  listener.maxConnections = limits.connections;
  listener.on('drop', (dropped) => reports.abuse('connections_full', dropped?.remoteAddress ?? ''));
  // also those that still owe their PROXY header
  listener.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  inner.on('connection', (socket: Socket) => {
    socket.on('error', () => {}); // a peer may disconnect at any time; the socket's close follows
    const { address } = peerOf(socket);
    const subscriber = subscriberOf(address);
    if (ofAddresses.taken(subscriber) >= (limits.connectionsPerAddress ?? Number.POSITIVE_INFINITY)) {
      reports.abuse('address_full', address);
      socket.destroy();
      return;
    }
    const leave = ofAddresses.take(subscriber);
    reports.connections('handshake', 1);
    socket.on('close', () => {
      reports.connections('handshake', -1);
      leave();
    });
  });
  return {
    sockets,
    speaks: (socket, protocol) => {
      const move = (change: 1 | -1) => {
        reports.connections(protocol, change);
        reports.connections('handshake', change === 1 ? -1 : 1);
      };
      move(1);
      socket.on('close', () => move(-1)); // with TLS that is not the listener's socket, whose own close follows
    },
  };
}
