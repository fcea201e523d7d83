import { type CallOptions, type Channel, ChannelCredentials, ClientError, createChannel, createClient, Metadata, Status } from 'nice-grpc';
import { Status as RpcStatus } from '../gen/google/rpc/status.ts';
import { type ChatHello, type ChatRequest, type ChatResponse, ChatServiceDefinition } from '../gen/portico/v1/chat.ts';
import { type LiveHello, type LiveRequest, type LiveResponse, LiveServiceDefinition } from '../gen/portico/v1/live.ts';
import { CallError } from './call-error.ts';
import { nodeMedia } from './media/node-media.ts';
import type { ClientTransport, Headers, OpenStream } from './transport.ts';

export type NodeTransportOptions = {
  /** "api.example.com:443" */
  readonly address: string;
  /** Certificates to trust, PEM; unset: those of the system. */
  readonly ca?: Buffer;
  /** The interval of keepalive pings while calls are open: GetBootstrap has the server's. Milliseconds. */
  readonly keepaliveMs?: number;
};

/** A stream that was left may take so long to end: the network may be lost. Milliseconds. */
const leaveMs = 5_000;
/** A connection that answers nothing is given up: a call on it would wait for the timeouts of TCP. Milliseconds. */
const [defaultKeepaliveMs, keepaliveTimeoutMs] = [45_000, 10_000];

/** gRPC over TLS by nice-grpc: a connection for calls, one for attachments, and one for each stream of live updates. */
export function nodeTransport({ address, ca, keepaliveMs = defaultKeepaliveMs }: NodeTransportOptions): ClientTransport {
  // own connections: two channels of one address would share theirs, and a server that stops keeps its old ones
  const keepalive = { 'grpc.keepalive_time_ms': keepaliveMs, 'grpc.keepalive_timeout_ms': keepaliveTimeoutMs };
  const connect = () => createChannel(`https://${address}`, ChannelCredentials.createSsl(ca), { ...keepalive, 'grpc.use_local_subchannel_pool': 1 });
  const calls = connect();
  const contents = connect(); // so that no call waits behind them
  return {
    unary: async (method, request, { headers, timeoutMs, signal }) => {
      const client = createClient({ call: bytesMethod(method) }, calls);
      let received = Metadata();
      let trailer = Metadata();
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const message = await client.call(request, {
          metadata: Metadata(headers),
          signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
          onHeader: (metadata) => {
            received = metadata;
          },
          onTrailer: (metadata) => {
            trailer = metadata;
          },
        });
        return { message, headers: headersOf(received) };
      } catch (error) {
        if (timeout.aborted) throw new CallError('DEADLINE_EXCEEDED', `${method} was not answered within ${timeoutMs} ms.`, [], error);
        throw callErrorOf(error, trailer);
      }
    },
    live: streamOf<LiveHello, LiveRequest, LiveResponse>(connect, (channel, requests, options) =>
      createClient(LiveServiceDefinition, channel).connect(requests, options),
    ),
    chat: streamOf<ChatHello, ChatRequest, ChatResponse>(connect, (channel, requests, options) =>
      createClient(ChatServiceDefinition, channel).connect(requests, options),
    ),
    media: nodeMedia(contents, callErrorOf),
    close: () => {
      calls.close();
      contents.close();
    },
  };
}

/** A stream on a connection of its own. */
function streamOf<Hello, Request extends { readonly message?: unknown }, Response>(
  connect: () => Channel,
  call: (channel: Channel, requests: AsyncIterable<Request>, options: CallOptions) => AsyncIterable<Response>,
): OpenStream<Hello, NonNullable<Request['message']>, Response> {
  return (hello, headers, { onMessage, onEnd }) => {
    const channel: Channel = connect();
    const cancel = new AbortController();
    const requests = pushable<Request>();
    requests.push({ message: { $case: 'hello', value: hello } } as unknown as Request);
    let leaving: ReturnType<typeof setTimeout> | undefined;
    let isAnswered = false;
    let trailer = Metadata();
    const answers = call(channel, requests.values(), {
      metadata: Metadata(headers),
      signal: cancel.signal,
      onTrailer: (metadata) => {
        trailer = metadata;
      },
    });
    const read = async () => {
      for await (const message of answers) {
        isAnswered = true;
        onMessage(message);
      }
    };
    read()
      .then(
        () => onEnd(undefined),
        (error: unknown) => onEnd(callErrorOf(error, trailer)),
      )
      .finally(() => {
        cancel.abort(); // a status can come while requests are still open
        requests.end();
        channel.close();
        clearTimeout(leaving);
      });
    return {
      send: (message) => requests.push({ message } as Request),
      close: () => {
        if (!isAnswered) return cancel.abort(); // its hello may still wait here, and would displace the next stream
        requests.end(); // what was sent goes out; the server answers goodbye by ending the stream
        leaving = setTimeout(() => cancel.abort(), leaveMs).unref();
      },
    };
  };
}

/** A method whose messages are bytes already. */
function bytesMethod(method: string) {
  return {
    path: `/${method}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
    responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
    options: {},
  } as const;
}

function headersOf(metadata: Metadata): Headers {
  return Object.fromEntries(Array.from(metadata, ([name]) => [name, metadata.get(name)]).filter(([, value]) => typeof value === 'string'));
}

function callErrorOf(error: unknown, trailer: Metadata): CallError {
  if (!(error instanceof ClientError)) return new CallError('UNKNOWN', String(error), [], error);
  const status = trailer.get('grpc-status-details-bin');
  const details = status === undefined ? [] : RpcStatus.decode(status).details;
  return new CallError(Status[error.code] ?? 'UNKNOWN', error.details, details, error);
}

/** Values that are pushed, as an iterable. */
function pushable<T>() {
  const waiting: T[] = [];
  let wake = () => {};
  let ended = false;
  return {
    push: (value: T) => {
      waiting.push(value);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
    async *values(): AsyncGenerator<T> {
      for (;;) {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
