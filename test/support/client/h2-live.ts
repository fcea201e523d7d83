// The streams of LiveService for the client of src/client, by raw frames: a process holds a thousand of them.
import { CallError } from '../../../src/client/call-error.ts';
import type { ClientTransport } from '../../../src/client/transport.ts';
import { LiveRequest, LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { type H2Client, openH2Client } from './h2-client.ts';

export type H2LiveParts = {
  readonly port: number;
  readonly ca: string | Buffer;
  /** Of hello: streams of one session that name different ones do not displace each other. */
  readonly device: string;
  /** Called with each message, before the client handles it. */
  readonly onMessage?: (message: LiveResponse['message']) => void;
  /** The window of the next stream, which is never opened further: by default it is as large as can be. Bytes. */
  readonly windowOf?: () => number | undefined;
  /** Called with each stream that is opened. */
  readonly onOpen?: (client: H2Client) => void;
  /** Whether a message of the client is sent: by default each is. */
  readonly sends?: (message: NonNullable<LiveRequest['message']>) => boolean;
};

export function h2Live({
  port,
  ca,
  device,
  onMessage: onEach = () => {},
  onOpen = () => {},
  sends = () => true,
  windowOf,
}: H2LiveParts): Omit<ClientTransport, 'chat' | 'media'> {
  const bytesOf = (message: NonNullable<LiveRequest['message']>) => LiveRequest.encode({ message }).finish();
  return {
    unary: () => Promise.reject(new CallError('UNIMPLEMENTED', 'This transport has streams only.')),
    live: (hello, { authorization = '' }, { onMessage, onEnd }) => {
      const client = openH2Client({
        port,
        ca,
        path: '/portico.v1.LiveService/Connect',
        token: authorization.slice('Bearer '.length),
        first: bytesOf({ $case: 'hello', value: { ...hello, device } }),
        onMessage: (bytes) => {
          const message = LiveResponse.decode(bytes);
          onEach(message.message);
          onMessage(message);
        },
        window: windowOf?.(),
        onEnd: (why) => onEnd(new CallError('UNAVAILABLE', why)),
      });
      onOpen(client);
      return { send: (message) => sends(message) && client.send(bytesOf(message)), close: client.close };
    },
    close: () => {},
  };
}
