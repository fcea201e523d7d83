// A bare nice-grpc method with a stream of answers, whose bytes are ready.
import { ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'nice-grpc';
import { LiveServiceDefinition } from '../../../src/gen/portico/v1/live.ts';
import { subscribedMessage } from '../fanout/event.ts';
import { given, ready } from './common.ts';
import { publishBy } from './fanout-publish.ts';

const raw = { encode: (value: Uint8Array) => ({ finish: () => value }), decode: (value: Uint8Array) => value };
const { connect } = LiveServiceDefinition.methods;
const definition = {
  name: 'LiveService',
  fullName: LiveServiceDefinition.fullName,
  methods: { connect: { ...connect, requestType: raw, responseType: raw } },
} as const;
type Listener = { waiting: Uint8Array[]; wake: () => void };
const listeners = new Set<Listener>();
async function* stream(_requests: AsyncIterable<Uint8Array>, { signal }: { readonly signal: AbortSignal }) {
  const own: Listener = { waiting: [subscribedMessage()], wake: () => {} };
  listeners.add(own);
  signal.addEventListener('abort', () => own.wake(), { once: true });
  try {
    while (!signal.aborted) {
      const messages = own.waiting;
      own.waiting = [];
      yield* messages;
      if (own.waiting.length === 0)
        await new Promise<void>((wake) => {
          own.wake = wake;
        });
    }
  } finally {
    listeners.delete(own);
  }
}
const server = createServer();
server.add(definition as never, { connect: stream } as never);
const port = await server.listen('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]));
const controlPort = await publishBy((message) => {
  for (const listener of listeners) {
    listener.waiting.push(message);
    listener.wake();
  }
});
ready({ port, controlPort });
