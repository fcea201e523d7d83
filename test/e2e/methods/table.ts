// The form of the tables of methods, and how one row is held against one protocol.
import assert from 'node:assert/strict';
import { type DescService, type FileRegistry, type Message, toJson } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import type { OwnReasons } from '../../support/client/conformance.ts';
import { callOf, type Outcome, type ProtocolName } from '../../support/client/protocols.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Request = Readonly<Record<string, unknown>>;

export type Row = {
  /** "fixture.v1.ScreenService/Echo" */
  readonly method: string;
  /** What is called, for the name of the test. */
  readonly says: string;
  /** Who calls; unset: nobody. */
  readonly as?: string;
  /** One for unary and server streams, a list else; a function where each protocol needs one of its own. */
  readonly request: Request | readonly Request[] | ((turn: Turn) => Request | readonly Request[] | Promise<Request>);
  readonly headers?: Readonly<Record<string, string>>;
  /** The answers as JSON, with "*" for what is there and moves, "?" for what may be there; for an error: those before it. */
  readonly answers: readonly Json[];
  /** Of an error: `reason` of ours, or the code of an upstream's own status, which passes untouched. */
  readonly reason?: string;
  readonly foreignCode?: number;
  /** Full type names of the details of an error, in any order, without ErrorInfo, RequestInfo and LocalizedMessage, which each has. */
  readonly details?: readonly string[];
  /** Paths of the violations of an error. */
  readonly fields?: readonly string[];
  /** Metadata of the answer, and of its end: a value or a pattern; undefined: it is not there. */
  readonly metadata?: Readonly<Record<string, string | RegExp | undefined>>;
  readonly trailers?: Readonly<Record<string, string | RegExp | undefined>>;
};

/** What a row's function may look at. */
export type Turn = {
  readonly protocol: ProtocolName;
  readonly call: (method: string, request: Request) => Promise<Outcome>;
};

/** Replaces what moves in `actual` by the "*" or "?" that `expected` has there. */
function masked(actual: Json, expected: Json): Json {
  if (expected === '*') return '*';
  if (Array.isArray(expected) && Array.isArray(actual)) return actual.map((item: Json, i) => masked(item, expected[i] ?? null));
  if (!isObject(expected) || !isObject(actual)) return actual;
  const perhaps = Object.entries(expected).filter(([, value]) => value === '?');
  return Object.fromEntries([...Object.entries(actual).map(([key, value]) => [key, masked(value, expected[key] ?? null)]), ...perhaps]);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Caller = {
  readonly registry: FileRegistry;
  readonly reasons?: OwnReasons;
  readonly transport: Transport;
  readonly headersOf: (user: string) => Record<string, string>;
};

/** Calls what the row says in one protocol, and compares answers, status, details and metadata. */
export async function holdRow(row: Row, protocol: ProtocolName, { registry, reasons = {}, transport, headersOf }: Caller): Promise<void> {
  const headers = { ...(row.as === undefined ? {} : headersOf(row.as)), ...row.headers };
  const turn: Turn = { protocol, call: (method, request) => callOf(registry, transport, method, request, { headers, reasons }) };
  const request = typeof row.request === 'function' ? await row.request(turn) : row.request;
  const outcome = await callOf(registry, transport, row.method, request, { headers, reasons, foreign: row.foreignCode !== undefined });
  const [service = '', name = ''] = row.method.split('/');
  const output = (registry.getService(service) as DescService).methods.find((method) => method.name === name)?.output;
  assert.ok(output);
  const answers = outcome.messages.map((message) => toJson(output, message as Message, { registry }) as Json);
  assert.equal(outcome.reason, row.reason, `${outcome.code} ${outcome.message}`);
  if (row.reason === undefined) assert.equal(outcome.code, row.foreignCode ?? 0, outcome.message);
  assert.deepEqual(
    answers.map((answer, i) => masked(answer, row.answers[i] ?? null)),
    row.answers,
  );
  if (row.reason !== undefined) {
    const others = outcome.details.filter((type) => !/\.(ErrorInfo|RequestInfo|LocalizedMessage)$/.test(type));
    assert.deepEqual([...others].sort(), [...(row.details ?? [])].sort());
    assert.ok(outcome.details.includes('google.rpc.LocalizedMessage'), 'there is no text for people');
  }
  if (row.fields !== undefined)
    assert.deepEqual(
      outcome.decoded?.badRequest?.fieldViolations.map(({ field }) => field),
      row.fields,
    );
  const traceId = outcome.headers.get('portico-trace-id');
  assert.match(traceId ?? '', /^[0-9a-f]{32}$/, 'the answer does not tell its trace');
  if (outcome.decoded?.request !== undefined) assert.equal(outcome.decoded.request.requestId, traceId);
  holdMetadata('metadata', outcome.headers, row.metadata);
  holdMetadata('trailers', outcome.trailers, row.trailers);
}

function holdMetadata(where: string, actual: Headers, expected: Row['metadata'] = {}): void {
  for (const [key, value] of Object.entries(expected)) {
    const got = actual.get(key) ?? undefined;
    if (value instanceof RegExp) assert.match(got ?? '', value, `${where}: ${key}`);
    else assert.equal(got, value, `${where}: ${key}`);
  }
}
