// A server with the screens of messages.v1 and an internal service written by hand behind it, and one request by every protocol.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { decodeBinaryHeader } from '@connectrpc/connect';
import { type Clients, defineApp, screen } from '../../src/core/screen/define-app.ts';
import type { ScreenContext } from '../../src/core/screen/screen-context.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import {
  type Assortment,
  MessageServiceDefinition,
  type Parcel,
  type Shipment,
  type Shipped,
  ShippingServiceDefinition,
} from '../fixture/gen/messages/v1/messages.ts';
import { type Details, decodeDetails } from '../support/client/conformance.ts';
import { pageOf } from '../support/client/scrape.ts';
import { openWire, type Reply, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed, openRawUpstream, type RawUpstream } from '../support/upstream/raw-upstream.ts';

const root = resolve(import.meta.dirname, '../..');
export const messagesRelease = { ...fixtureRelease, descriptorSet: readFileSync(join(root, 'test/fixture/gen/messages.binpb')) };

const upstreams = { shipping: ShippingServiceDefinition } as const;
type Upstreams = Clients<typeof upstreams>;

export type Messages = AsyncDisposable & {
  readonly server: TestServer;
  readonly upstream: RawUpstream;
  readonly wire: Wire;
  /** What the screen Ship does with a request; it gives the request back unless a test says otherwise. */
  onShip: (request: Shipment, context: ScreenContext) => Promise<Partial<Shipped>> | Partial<Shipped>;
  /** The request that the screen Ship got last. */
  seen: Shipment | undefined;
};

export async function openMessages(settings: Readonly<Record<string, unknown>> = {}): Promise<Messages> {
  const upstream = await openRawUpstream();
  const app = defineApp({
    upstreams,
    screens: [
      screen(MessageServiceDefinition, 'ship', async (request: Shipment, context) => {
        messages.seen = request;
        return messages.onShip(request, context);
      }),
      screen(MessageServiceDefinition, 'weigh', async (request: Parcel) => request),
      screen(MessageServiceDefinition, 'mirror', async (request: Assortment) => request),
      screen(MessageServiceDefinition, 'ask', async (request: Shipment, _context, { shipping }: Upstreams) => shipping.ship(request)),
      screen(MessageServiceDefinition, 'ofTenant', async (_request: Shipment, { caller }, { shipping }: Upstreams) => {
        const claims = new Map([...(caller?.claims ?? [])]);
        await shipping.ship({});
        return { texts: claims.set('user', String(caller?.userId)) };
      }),
      screen(MessageServiceDefinition, 'remember', async (request: Shipment) => ({ seen: request })),
    ],
  });
  const server = await openTestServer({ app, release: messagesRelease, samples: { shipping: upstream.address }, settings }).catch(
    async (error: unknown) => {
      await upstream.close();
      throw error;
    },
  );
  const wire = await openWire(server);
  const messages: Messages = {
    server,
    upstream,
    wire,
    onShip: (request) => ({ seen: request }),
    seen: undefined,
    [Symbol.asyncDispose]: async () => {
      await wire[Symbol.asyncDispose]();
      await server.close();
      await upstream.close();
    },
  };
  return messages;
}

export const forms = ['grpc', 'grpc-web', 'connect', 'json'] as const;
export type Form = (typeof forms)[number];

/** What a call came to: its answer, or its status with the details. */
export type Came = {
  /** gRPC status code; 0 for OK. */
  readonly code: number;
  readonly text: string;
  readonly reason: string | undefined;
  readonly details: Details | undefined;
  /** The message's bytes, or its JSON. */
  readonly body: Buffer;
  /** Bytes of the largest block of headers or trailers. */
  readonly headerBytes: number;
};

const contentTypes = { grpc: 'application/grpc', 'grpc-web': 'application/grpc-web+proto', connect: 'application/proto', json: 'application/json' };
const codes = ['', 'canceled', 'unknown', 'invalid_argument', 'deadline_exceeded', 'not_found', 'already_exists', 'permission_denied'].concat([
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
]);

/** Sends one request of a unary method, its bytes as they are. @throws Error when the stream ends without an answer that its protocol allows */
export async function send(wire: Wire, form: Form, method: string, body: Uint8Array | string, headers: object = {}): Promise<Came> {
  const framing = form === 'grpc' || form === 'grpc-web';
  const reply = await wire.ask(
    { ':path': `/${method}`, 'content-type': contentTypes[form], te: 'trailers', ...headers },
    framing ? framed(Buffer.from(body)) : body,
  );
  const headerBytes = Math.max(...[reply.headers, reply.trailers].map((block) => Buffer.byteLength(JSON.stringify(block))));
  return { ...(framing ? fromGrpc(reply) : fromConnect(reply, form)), headerBytes };
}

function fromGrpc({ headers, trailers, body }: Reply): Omit<Came, 'headerBytes'> {
  const last = new Map<string, string>();
  for (const line of body.toString('latin1').split('\r\n')) {
    const [, key, value] = /(grpc-(?:status|message|status-details-bin)): ?(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) last.set(key, value);
  }
  const at = (key: string) => String(trailers[key] ?? headers[key] ?? last.get(key) ?? '');
  if (at('grpc-status') === '') throw new Error('There is no status.');
  const text = decodeURIComponent(at('grpc-message'));
  const encoded = at('grpc-status-details-bin');
  const details = encoded === '' ? undefined : Status.decode(decodeBinaryHeader(encoded)).details;
  const length = body.length >= 5 && (body[0] as number) < 128 ? body.readUInt32BE(1) : 0;
  return { code: Number(at('grpc-status')), text, ...named(details), body: body.subarray(5, 5 + length) };
}

function fromConnect({ headers, body }: Reply, form: Form): Omit<Came, 'headerBytes'> {
  if (Number(headers[':status']) === 200) return { code: 0, text: '', reason: undefined, details: undefined, body };
  if (headers['content-type'] !== 'application/json') throw new Error(`${form}: ${headers[':status']} ${headers['content-type']}`);
  const { code, message = '', details = [] } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  const given = details.map(({ type, value }: { type: string; value: string }) => ({ typeUrl: `/${type}`, value: Buffer.from(value, 'base64') }));
  return { code: codes.indexOf(code), text: message, ...named(given), body };
}

function named(details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[] | undefined) {
  if (details === undefined) return { reason: undefined, details: undefined };
  const decoded = decodeDetails(details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value })));
  return { reason: decoded.info?.reason, details: decoded };
}

/** How often a defect has ended a stream or connection of the server. */
export async function defectsOf({ adminUrl }: TestServer): Promise<number> {
  const page = await pageOf(adminUrl, '/metrics');
  return [...page.matchAll(/^portico_defects_total\{[^}]*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}
