// What every answer has to look like, whatever was asked: a status in the form that the content type asked for, and
// details by the tests' rules.
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { assertConformance, decodeDetails } from '../support/client/conformance.ts';
import type { Form } from './cases.ts';

export type Reply = { readonly headers: IncomingHttpHeaders; readonly trailers: IncomingHttpHeaders; readonly body: Buffer };
type Detail = { readonly type: string; readonly value: Uint8Array };

/** Whose details an error has: the server's own, perhaps an upstream's, which pass as they are, or what there was room for. */
export type Whose = 'own' | 'foreign' | 'cut';

/**
 * @param whose of the details
 * @returns the gRPC status code
 * @throws AssertionError that says what is wrong with the reply
 */
export function assertWellFormed(form: Form, { headers, trailers, body }: Reply, whose: Whose): number {
  const contentType = String(headers['content-type']);
  switch (form) {
    case 'grpc': {
      assert.equal(Number(headers[':status']), 200);
      assert.match(contentType, /^application\/grpc(\+proto)?$/);
      framesOf(body, 0x01);
      return statusIn({ ...headers, ...trailers }, whose);
    }
    case 'grpc-web':
    case 'grpc-web-text': {
      assert.equal(Number(headers[':status']), 200);
      assert.ok(contentType.startsWith(`application/${form}`), contentType);
      const frames = framesOf(form === 'grpc-web' ? body : decodedText(body), 0x81);
      const last = frames.at(-1);
      if (last === undefined || (last.flags & 0x80) === 0) return statusIn(headers, whose);
      assert.equal(frames.filter(({ flags }) => (flags & 0x80) !== 0).length, 1, 'trailers stand in the middle');
      const lines = last.payload.toString('latin1').split('\r\n');
      const fields = lines.filter((line) => line !== '').map((line) => line.split(/: ?(.*)/s, 2));
      return statusIn(Object.fromEntries(fields) as IncomingHttpHeaders, whose);
    }
    case 'connect-stream': {
      assert.equal(Number(headers[':status']), 200);
      assert.match(contentType, /^application\/connect\+(json|proto)$/);
      const frames = framesOf(body, 0x03);
      const last = frames.at(-1);
      assert.ok(last !== undefined && (last.flags & 0x02) !== 0, 'the stream has no end');
      const { error } = JSON.parse(last.payload.toString()) as { readonly error?: object };
      return error === undefined ? 0 : codeIn(error, whose);
    }
    case 'connect-unary': {
      if (Number(headers[':status']) === 200) return 0;
      assert.match(contentType, /^application\/json/);
      return codeIn(JSON.parse(body.toString()) as object, whose);
    }
  }
}

function framesOf(body: Buffer, flagsAllowed: number): readonly { readonly flags: number; readonly payload: Buffer }[] {
  const frames: { flags: number; payload: Buffer }[] = [];
  for (let at = 0; at < body.length; ) {
    assert.ok(body.length >= at + 5, 'a prefix is cut');
    const [flags = 0, length] = [body[at], body.readUInt32BE(at + 1)];
    assert.equal(flags & ~flagsAllowed, 0, `flags ${flags}`);
    assert.ok(body.length >= at + 5 + length, 'a message is cut');
    frames.push({ flags, payload: body.subarray(at + 5, at + 5 + length) });
    at += 5 + length;
  }
  return frames;
}

/** Pieces of base64, each padded by itself. */
function decodedText(body: Buffer): Buffer {
  const text = body.toString('latin1');
  assert.match(text, /^[A-Za-z0-9+/=]*$/);
  return Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, 'base64')));
}

function statusIn(metadata: IncomingHttpHeaders, whose: Whose): number {
  assert.match(String(metadata['grpc-status']), /^(\d|1[0-6])$/, 'the call has no status');
  const code = Number(metadata['grpc-status']);
  const message = decodeURIComponent(String(metadata['grpc-message'] ?? ''));
  const encoded = metadata['grpc-status-details-bin'];
  if (code === 0) return code;
  const status = encoded === undefined ? undefined : Status.decode(Buffer.from(String(encoded), 'base64'));
  if (status !== undefined && whose === 'own') assert.deepEqual([status.code, status.message], [code, message]);
  held(code, message, status?.details.map(({ typeUrl, value }) => ({ type: typeUrl.split('/').at(-1) ?? '', value })) ?? [], whose);
  return code;
}

function codeIn(error: object, whose: Whose): number {
  const { code, message = '', details = [] } = error as { code?: unknown; message?: string; details?: { type: string; value: string }[] };
  const number = codeFromString(String(code));
  assert.ok(number !== undefined, `the code is ${JSON.stringify(code)}`);
  held(
    number,
    message,
    details.map(({ type, value }) => ({ type, value: Buffer.from(value, 'base64') })),
    whose,
  );
  return number;
}

function held(code: number, message: string, details: readonly Detail[], whose: Whose): void {
  const decoded = decodeDetails(details);
  if (whose === 'own' || (whose === 'foreign' && decoded.info?.domain === 'portico')) assertConformance(code, message, decoded);
}
