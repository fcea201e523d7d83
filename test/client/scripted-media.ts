// A server of attachments in memory, which cuts calls where a test says, and a client's media on it.
import { createHash } from 'node:crypto';
import { CallError } from '../../src/client/call-error.ts';
import type { Calls } from '../../src/client/calls.ts';
import { openMedia } from '../../src/client/media/media.ts';
import type { MediaTransport } from '../../src/client/transport.ts';
import { type Attachment, GetUploadResponse } from '../../src/gen/portico/v1/media.ts';
import { type FakeClock, fakeClock, passUntilEnded } from '../support/time/clock.ts';
import { failure } from './failure.ts';

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
export const attachmentId = '11111111-1111-4111-8111-111111111111';
export const conversationId = '22222222-2222-4222-8222-222222222222';
export const cut = () => new CallError('UNAVAILABLE', 'The connection is lost.');

export type ScriptedMedia = {
  /** Calls end when so many bytes are stored, or sent, each once. The number of all: the answer is lost. */
  readonly cuts: Set<number>;
  /** What every call fails with, until it is unset. */
  fault: CallError | undefined;
  /** One request carries no more. */
  requestBytes: number;
  /** What the server has. */
  stored: Uint8Array;
  complete: Attachment | undefined;
  /** "upload 0", "ask", "download 3" */
  readonly calls: string[];
};

/** @param complete what is there to be downloaded */
export function openScriptedMedia(complete?: Uint8Array) {
  const clock = fakeClock();
  const attachmentOf = (bytes: Uint8Array): Attachment => ({
    id: attachmentId,
    contentType: 'image/jpeg',
    sizeBytes: BigInt(bytes.length),
    name: '',
    sha256: sha256(bytes),
  });
  const server: ScriptedMedia = {
    cuts: new Set(),
    fault: undefined,
    requestBytes: Number.POSITIVE_INFINITY,
    stored: complete ?? new Uint8Array(),
    complete: complete && attachmentOf(complete),
    calls: [],
  };
  const called = (call: string) => {
    server.calls.push(call);
    if (server.fault !== undefined) throw server.fault;
  };
  const at = (offset: string | number) => ({ offset: String(offset) });
  const transport: MediaTransport = {
    upload: async ({ offset, sizeBytes, sha256: announced }, bytes) => {
      called(`upload ${offset}`);
      if (server.complete !== undefined) return server.complete;
      if (Number(offset) !== server.stored.length) throw failure('FAILED_PRECONDITION', 'UPLOAD_OFFSET_WRONG', undefined, at(server.stored.length));
      const most = server.stored.length + server.requestBytes;
      for await (const piece of bytes)
        for (const byte of piece) {
          if (server.cuts.delete(server.stored.length)) throw cut();
          if (server.stored.length === most) throw failure('ABORTED', 'UPLOAD_INCOMPLETE', undefined, at(most));
          server.stored = Buffer.concat([server.stored, Buffer.of(byte)]);
        }
      if (server.stored.length < Number(sizeBytes)) throw failure('ABORTED', 'UPLOAD_INCOMPLETE', undefined, at(server.stored.length));
      if (!sha256(server.stored).equals(announced)) throw failure('INVALID_ARGUMENT', 'UPLOAD_HASH_WRONG');
      server.complete = attachmentOf(server.stored);
      if (server.cuts.delete(server.stored.length)) throw cut();
      return server.complete;
    },
    download: async function* ({ from, most = server.stored.length }) {
      called(`download ${from}`);
      const length = Math.min(most, server.stored.length - from);
      if (length < 1) throw failure('OUT_OF_RANGE', 'RANGE_INVALID');
      yield { attachment: server.complete, offset: BigInt(from), length: BigInt(length), isRange: from > 0 };
      for (let byte = from; byte < from + length; byte++) {
        if (server.cuts.delete(byte)) throw cut();
        yield server.stored.subarray(byte, byte + 1);
      }
      if (server.cuts.delete(from + length)) throw cut();
    },
    sha256: () => {
      const hash = createHash('sha256');
      return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest() };
    },
  };
  const calls: Pick<Calls, 'authorized' | 'once'> = {
    authorized: async (send, signal = new AbortController().signal) => {
      signal.throwIfAborted();
      return send({}, signal);
    },
    once: async () => {
      called('ask');
      if (server.stored.length === 0) throw failure('NOT_FOUND', 'ATTACHMENT_UNKNOWN');
      const answer = { offset: BigInt(server.stored.length), sizeBytes: 0n, attachment: server.complete };
      return { message: GetUploadResponse.encode(answer).finish(), headers: {} };
    },
  };
  const media = openMedia({ transport, calls: calls as Calls, clock, random: () => 0.5 });
  return { media, server, clock, transport };
}

/** Lets the time of a fake clock pass until a call has ended. */
export const passing = <T>(clock: FakeClock, call: Promise<T>) => passUntilEnded(clock, call, 1_000);
