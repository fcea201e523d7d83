import { z } from 'zod';
import { cidr, duration, file, listenHost, name, port, text } from '../value-formats.ts';

export const publicListener = z
  .strictObject({
    host: listenHost().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port().default(8443).describe('Public TCP port; 0 takes a free one.'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain. Reloaded when it changes.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
      })
      .optional()
      .describe('The certificate for clients. Unset in dev: issued by an authority in `<dataDir>/tls`.'),
    plaintext: z.boolean().default(false).describe('Serve plain HTTP/2 and HTTP/1.1, behind a proxy that terminates TLS.'),
    trustedProxies: z
      .array(cidr())
      .max(100)
      .default([])
      .describe(
        'Networks of proxies, such as "10.0.0.0/8". Set: every connection must come from one, and begin with a PROXY header of version 2, which names the client.',
      ),
    corsOrigins: z.array(text()).max(100).default([]).describe('Origins whose web pages may call the server, such as "https://app.example.com".'),
    timers: z
      .strictObject({
        handshake: duration('100ms', '2m').prefault('10s').describe('Time limit for the first bytes of a TLS client, and then for its handshake.'),
        preface: duration('100ms', '2m')
          .prefault('10s')
          .describe('Time limit for the first bytes of a new connection, and for the headers of an HTTP/1.1 request.'),
        request: duration('100ms', '1h')
          .prefault('30s')
          .describe('Time limit for receiving a request of one message. Streams of requests may be longer.'),
        idle: duration('1s', '1h')
          .prefault('5m')
          .describe('A connection without calls is closed after this time. Set it below the idle timeout of balancers.'),
        stall: duration('100ms', '1h')
          .prefault('30s')
          .describe('A stream ends when its answer waits for this time without any of its bytes leaving, because the client does not read.'),
      })
      .prefault({})
      .describe('Time limits of connections.'),
    limits: z
      .strictObject({
        connections: z.int().min(1).max(1_000_000).default(10_000).describe('Open connections. Further ones are closed at once.'),
        connectionsPerAddress: z
          .int()
          .min(1)
          .max(1_000_000)
          .optional()
          .describe(
            'Open connections of one IPv4 address or one IPv6 /64 network. Unset: no limit, as behind a balancer, whose address is that of all.',
          ),
        queuedBytesPerConnection: z
          .int()
          .min(65_536)
          .max(1_073_741_824)
          .default(16_777_216)
          .describe('Bytes of answers that may wait for the client of one connection. The connection is ended beyond it.'),
        queuedBytes: z
          .int()
          .min(65_536)
          .max(68_719_476_736)
          .default(268_435_456)
          .describe(
            'Bytes of answers that may wait in all. Beyond it connections are ended: those stuck for the longest time first, then those with the most.',
          ),
        statusBytes: z
          .int()
          .min(4_096)
          .max(32_768)
          .default(8_192)
          .describe(
            "Bytes of a status with its text, details and metadata, and of an answer's metadata. Many clients accept 8 KiB of headers. Details are dropped and texts clipped beyond it.",
          ),
      })
      .prefault({})
      .describe('Limits of connections.'),
  })
  .prefault({})
  .describe('The listener for clients.');

export const internalListener = z
  .strictObject({
    host: listenHost()
      .optional()
      .describe('Address to listen on. Default: 127.0.0.1. For services on other machines name one, such as "::" for all.'),
    port: port().default(8444).describe('TCP port for internal services; 0 takes a free one.'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
        clientCaFile: file().optional().describe('PEM file of the authorities whose client certificates are accepted. Unset: only service tokens.'),
      })
      .optional()
      .describe('Unset: the certificate of the public listener, and only service tokens.'),
    services: z
      .record(text(), name())
      .default({})
      .describe('Services by client certificate: a subject alternative name such as "DNS:orders.internal" to a name such as "orders".'),
  })
  .prefault({})
  .describe('The listener for internal services.');

/**
 * The internal listener has no settings for its connections: it has the defaults of the public one. Times in
 * milliseconds.
 */
export const internalConnections: Pick<z.output<typeof publicListener>, 'timers' | 'limits'> = publicListener.parse({});

export const adminListener = z
  .strictObject({
    host: listenHost()
      .optional()
      .describe('Address to listen on. Default: 127.0.0.1. For probes from other machines name one, such as "::" for all.'),
    port: port().default(8445).describe('TCP port of probes and metrics, plain HTTP; 0 takes a free one.'),
  })
  .prefault({})
  .describe('The listener for operators.');
