import { z } from 'zod';
import { duration, file, name, port, text } from './values.ts';

export const publicListener = z
  .strictObject({
    host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port(8443, 'Public TCP port'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain. Read again when it changes.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
      })
      .optional()
      .describe('The certificate that clients see. In dev, unset: made by an authority of its own in `<dataDir>/tls`.'),
    plaintext: z.boolean().default(false).describe('Speak plain HTTP/2 and HTTP/1.1, behind a proxy that ends TLS.'),
    corsOrigins: z.array(text()).max(100).default([]).describe('Origins whose web pages may call, such as "https://app.example.com".'),
    timers: z
      .strictObject({
        handshake: duration('100ms', '2m').prefault('10s').describe('The longest a TLS handshake may take.'),
        preface: duration('100ms', '2m')
          .prefault('10s')
          .describe('The longest a new connection may stay without a first word, and the headers of an HTTP/1.1 request may take.'),
        request: duration('100ms', '1h')
          .prefault('30s')
          .describe('The longest a request of one message may take to come. Streams of requests may be longer.'),
        idle: duration('1s', '1h').prefault('5m').describe('A connection without calls is closed after this long; sooner than balancers drop it.'),
      })
      .prefault({})
      .describe('How long connections may take.'),
  })
  .prefault({})
  .describe('The listener for clients.');

export const internalListener = z
  .strictObject({
    host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port(8444, 'TCP port for internal services'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
        clientCaFile: file().optional().describe('PEM file of the authorities whose client certificates are accepted. Unset: service tokens only.'),
      })
      .optional()
      .describe('Unset: the certificate of the public listener, and service tokens only.'),
    services: z
      .record(text(), name())
      .default({})
      .describe('Which client certificate is which service: a subject alternative name such as "DNS:orders.internal" to a name such as "orders".'),
  })
  .prefault({})
  .describe('The listener for internal services.');

export const adminListener = z
  .strictObject({
    host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port(8445, 'TCP port of probes and metrics, plain HTTP'),
  })
  .prefault({})
  .describe('The listener for those who run the server.');
