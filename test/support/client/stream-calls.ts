// The stream of a service, as Connect's library calls it: by Connect, or by Open and Send.
import { type DescService, type FileRegistry, toBinary } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';

/** A message of the client as protobuf-es takes it: `{case: 'subscribe', value: {…}}`. */
export type Wish = { readonly case: string; readonly value: Record<string, unknown> };

export type StreamOptions = {
  readonly registry: FileRegistry;
  readonly transport: Transport;
  readonly headers: Readonly<Record<string, string>>;
  readonly hello?: Record<string, unknown>;
};

/** The answers of a stream as bytes, and what ends the call. */
export type Answered = { readonly bytes: AsyncIterable<Uint8Array>; cut(): void };

export function streamCalls({ registry, transport, headers, hello = {} }: StreamOptions, serviceName: string) {
  const service = registry.getService(serviceName) as DescService;
  const clientOf = (by: Transport) => createClient(service, by) as unknown as Record<string, (request: unknown, options: object) => never>;
  const answered = (name: 'Connect' | 'Open', request: unknown): Answered => {
    const schema = service.methods.find((method) => method.name === name)?.output;
    if (schema === undefined) throw new Error(`${serviceName} has no ${name}.`);
    const cancel = new AbortController();
    const answers = clientOf(transport)[name.toLowerCase()]?.(request, { headers, signal: cancel.signal }) as unknown as AsyncIterable<never>;
    const encoded = async function* () {
      for await (const answer of answers) yield toBinary(schema, answer);
    };
    return { bytes: encoded(), cut: () => cancel.abort() };
  };
  return {
    /** Opens Connect, and sends hello. */
    connect: () => {
      const requests = queue<{ message: Wish }>();
      const send = (wish: Wish) => requests.put({ message: wish });
      const opened = answered('Connect', requests.all());
      send({ case: 'hello', value: hello });
      return { ...opened, send, halfClose: requests.end };
    },
    open: () => answered('Open', { hello }),
    /** Sends one message with its number to the stream of Open. */
    send: async (streamId: string, n: bigint, wish: Wish, by = transport): Promise<void> => {
      await clientOf(by).send?.({ streamId, n, message: { message: wish } }, { headers });
    },
  };
}

/** Items that are read as they come. */
function queue<T>() {
  const waiting: T[] = [];
  let wake = () => {};
  let over = false;
  return {
    put: (item: T) => {
      waiting.push(item);
      wake();
    },
    end: () => {
      over = true;
      wake();
    },
    async *all(): AsyncGenerator<T> {
      for (;;) {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) yield next;
        if (over) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
