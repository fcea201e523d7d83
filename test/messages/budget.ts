// A server whose handlers and internal service are the test's own, and one call of it by every protocol, in which all
// that a client gets besides messages stays within the budget.
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import { Metadata } from 'nice-grpc-common';
import type { Handler } from '../../src/core/ports/call.ts';
import { openFixture } from '../fixture/app.ts';
import { assertWellFormed, type Reply, type Whose } from '../fuzz/well-formed.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer } from '../support/server/test-server.ts';
import { framed, openRawUpstream, type RawUpstream } from '../support/upstream/raw-upstream.ts';

export const budgetBytes = 8_192;
export const forward = '/fixture.v1.ForwardService/';
/** Methods of the test's own handlers. */
export const [echo, follow] = ['/fixture.v1.ScreenService/Echo', '/fixture.v1.HandWrittenService/Follow'];

/** The answer of the own handlers. */
export type OwnAnswer = {
  readonly metadata: Metadata;
  readonly trailers: Metadata;
  /** Thrown instead of a unary answer, and at the end of a stream. */
  readonly error?: unknown;
};

export type HowToCall = {
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an error's details. Default: an internal service's own, or the server's. */
  readonly whose?: Whose;
};

export type Budget = AsyncDisposable & {
  readonly upstream: RawUpstream;
  readonly wire: Wire;
  own: OwnAnswer;
  /** Calls a method by each protocol that carries it. */
  byAll(path: string, check: (code: number, received: Reply, form: string) => void, how?: HowToCall): Promise<void>;
};

/** Of a page that may call the server: its answers have headers for browsers. */
export const fromPage = { headers: { origin: 'https://page.example' } };

export async function openBudget(): Promise<Budget> {
  const upstream = await openRawUpstream();
  const ownAnswer: Handler = () => {
    if ('error' in budget.own) throw budget.own.error;
    return { ...budget.own, body: Buffer.alloc(0) };
  };
  const ownStream: Handler = () => {
    const { metadata, trailers, ...rest } = budget.own;
    return {
      metadata,
      trailers,
      body: (sink) => {
        sink.write(Buffer.alloc(0));
        if ('error' in rest) sink.fail(rest.error);
        else sink.end();
      },
    };
  };
  const { app } = openFixture();
  const isOwn = ({ method }: { readonly method: string }) => !/\/(Echo|Follow)$/.test(method);
  const server = await openTestServer({
    app: { ...app, screens: app.screens.filter(isOwn) },
    samples: { scripted: upstream.address },
    settings: { 'public.corsOrigins': [fromPage.headers.origin] },
    handlers: { [echo.slice(1)]: ownAnswer, [follow.slice(1)]: ownStream },
  });
  const wire = await openWire(server);
  const { headers: signed } = await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice');
  const budget: Budget = {
    upstream,
    wire,
    own: { metadata: Metadata(), trailers: Metadata() },
    byAll: async (path, check, { headers = {}, whose = 'foreign' } = {}) => {
      for (const [form, contentType, body] of /ServerStream|Follow/.test(path) ? streamForms : unaryForms) {
        const received = await wire.ask({ ':path': path, 'content-type': contentType, te: 'trailers', ...signed, ...headers }, body);
        assertWithinBudget(received, `${form} ${contentType}`);
        check(assertWellFormed(form, received, whose), received, contentType);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await wire[Symbol.asyncDispose]();
      await server.close();
      await upstream.close();
    },
  };
  return budget;
}

const empty = framed(Buffer.alloc(0));
export const unaryForms = [
  ['grpc', 'application/grpc', empty],
  ['grpc-web', 'application/grpc-web+proto', empty],
  ['grpc-web-text', 'application/grpc-web-text', Buffer.from(empty.toString('base64'))],
  ['connect-unary', 'application/proto', Buffer.alloc(0)],
  ['connect-unary', 'application/json', Buffer.from('{}')],
] as const;
export const streamForms = [
  ...unaryForms.slice(0, 3),
  ['connect-stream', 'application/connect+proto', empty],
  ['connect-stream', 'application/connect+json', framed(Buffer.from('{}'))],
] as const;

/** Bytes of a header list as HTTP/2 counts them (RFC 9113, section 6.5.2). */
const listBytes = (headers: IncomingHttpHeaders) =>
  Object.entries(headers).reduce((sum, [key, value]) => sum + [value].flat().reduce((all, one) => all + key.length + String(one).length + 32, 0), 0);

/** All that a client gets besides messages counts; the text form of gRPC-Web as what it encodes. */
export function assertWithinBudget({ headers, trailers, body }: Reply, form: string): void {
  const isText = String(headers['content-type']).startsWith('application/grpc-web-text');
  const bytes = listBytes(headers) + listBytes(trailers) + (isText ? Math.floor((body.length * 3) / 4) : body.length);
  assert.ok(bytes <= budgetBytes, `${form}: ${bytes} bytes`);
}

/** What values are made of: some texts take more bytes in JSON. */
export const pieces = ['v', '"', '\\', 'a\tb'] as const;

/** Sizes of values by key. */
export const sizesBy = (keys: readonly string[]) => fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.nat(100), fc.nat(5_000)));

/** Values of these sizes, as metadata in HTTP. */
export const headersOf = (sizes: Readonly<Record<string, number>>, piece = 'v') =>
  Object.fromEntries(
    Object.entries(sizes).map(([key, size]) => [
      key,
      key.endsWith('-bin') ? Buffer.alloc(size, 7).toString('base64') : piece.repeat(size / piece.length),
    ]),
  );
