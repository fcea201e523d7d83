// A client that speaks gRPC with bytes, by grpc-js: what it sends and gets is not decoded by anybody.
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from '@grpc/grpc-js';

const asIs = (bytes: Buffer) => bytes;

export type RawOutcome = {
  readonly code: number;
  readonly message: string;
  readonly messages: readonly Buffer[];
  /** Undefined: none came before the status (Trailers-Only). */
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata;
};

export type RawClient = {
  /** Sends messages, half-closes and waits for the end. */
  call(path: string, messages: readonly Uint8Array[], metadata?: Readonly<Record<string, string>>, deadlineMs?: number): Promise<RawOutcome>;
  /** A stream in the test's own hands. */
  open(path: string, metadata?: Readonly<Record<string, string>>): ClientDuplexStream<Buffer, Buffer>;
  close(): void;
};

/** @param authorization sent with every call */
export function openRawClient({ url, ca }: { readonly url: string; readonly ca: string }, authorization: string): RawClient {
  const client = new Client(new URL(url).host, credentials.createSsl(Buffer.from(ca)), {
    'grpc.max_receive_message_length': -1,
    'grpc.enable_retries': 0,
  });
  const open = (path: string, extra: Readonly<Record<string, string>> = {}, deadlineMs?: number) => {
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    for (const [key, value] of Object.entries(extra)) metadata.set(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
    return client.makeBidiStreamRequest(path, asIs, asIs, metadata, deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs });
  };
  return {
    open,
    call: (path, messages, metadata, deadlineMs) =>
      new Promise((resolve) => {
        const stream = open(path, metadata, deadlineMs);
        const received: Buffer[] = [];
        let headers: Metadata | undefined;
        stream.on('error', () => {});
        stream.on('metadata', (got: Metadata) => {
          headers = got;
        });
        stream.on('data', (message: Buffer) => received.push(message));
        stream.on('status', ({ code, details, metadata: trailers }: StatusObject) =>
          setImmediate(() => resolve({ code, message: details, messages: received, headers, trailers })),
        );
        for (const message of messages) stream.write(Buffer.from(message));
        stream.end();
      }),
    close: () => client.close(),
  };
}
