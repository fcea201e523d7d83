import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type Channel, ChannelCredentials, createChannel } from 'nice-grpc';
import { Exit, exitCodes } from './exit-codes.ts';

/**
 * A channel to a server that has just this certificate, whoever issued it and whatever names it has: inside a cluster
 * the server is called by the name of a Service, which is in no certificate of a public authority.
 * @param certificateFile PEM: the server's own first. Undefined: plain HTTP/2
 */
export function openPinnedChannel(address: string, certificateFile: string | undefined): AsyncDisposable & { readonly channel: Channel } {
  const channel =
    certificateFile === undefined
      ? createChannel(`http://${address}`, ChannelCredentials.createInsecure())
      : createChannel(`https://${address}`, pinnedTo(certificateFile));
  return { channel, [Symbol.asyncDispose]: async () => channel.close() };
}

function pinnedTo(file: string): ChannelCredentials {
  const { pem, certificate } = readCertificate(file);
  // Without the partial chain, only a root would be trusted.
  return ChannelCredentials.createFromSecureContext(createSecureContext({ ca: pem, allowPartialTrustChain: true }), {
    checkServerIdentity: (_, { raw }) => (certificate.raw.equals(raw) ? undefined : new Error(`the server has another certificate than ${file}`)),
  });
}

function readCertificate(file: string): { readonly pem: string; readonly certificate: X509Certificate } {
  try {
    const pem = readFileSync(file, 'utf8');
    return { pem, certificate: new X509Certificate(pem) };
  } catch (error) {
    throw new Exit(exitCodes.config, `${file} is no certificate: ${error instanceof Error ? error.message : error}`);
  }
}
