import { asCallError } from './call-error.ts';
import type { ClientTransport, OpenStream } from './transport.ts';

/** The server refuses this version of the app: show nothing but where to get a newer one. */
export type Outdated = {
  /** Empty: the server does not say. */
  readonly storeUrl: string;
  /** For users, in the language of the call; undefined: the app has its own text. */
  readonly shown: string | undefined;
};

/** The transport, with a look at each failure: calls of an outdated app end with APP_UPDATE_REQUIRED. */
export function watchForUpdates(transport: ClientTransport, onOutdated: (outdated: Outdated) => void): ClientTransport {
  const look = (error: unknown) => {
    const { reason, metadata, shown } = asCallError(error);
    if (reason === 'APP_UPDATE_REQUIRED') onOutdated({ storeUrl: metadata.get('storeUrl') ?? '', shown });
  };
  const watched =
    <Hello, Request, Response>(open: OpenStream<Hello, Request, Response>): OpenStream<Hello, Request, Response> =>
    (hello, headers, events) =>
      open(hello, headers, {
        ...events,
        onEnd: (error) => {
          if (error !== undefined) look(error);
          events.onEnd(error);
        },
      });
  const looked = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      look(error);
      throw error;
    }
  };
  const { media } = transport;
  return {
    unary: (...call) => looked(transport.unary(...call)),
    live: watched(transport.live),
    chat: watched(transport.chat),
    media: {
      sha256: () => media.sha256(),
      upload: (...call) => looked(media.upload(...call)),
      async *download(...call) {
        try {
          yield* media.download(...call);
        } catch (error) {
          look(error);
          throw error;
        }
      },
    },
    close: () => transport.close(),
  };
}
