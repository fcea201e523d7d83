import { createHash } from 'node:crypto';
import { type Channel, createClient, Metadata } from 'nice-grpc';
import { MediaServiceDefinition, type UploadRequest, type UploadStart } from '../../gen/portico/v1/media.ts';
import { CallError } from '../call-error.ts';
import type { MediaTransport, Part } from '../transport.ts';
import { openStall, type Stall } from './stall.ts';

/** Attachments by gRPC: the client stream and the server stream of MediaService. */
export function nodeMedia(channel: Channel, callErrorOf: (error: unknown, trailer: Metadata) => CallError): MediaTransport {
  const client = createClient(MediaServiceDefinition, channel);
  return {
    upload: async (start, bytes, { headers, signal }) => {
      const stall = openStall(signal, 'The upload');
      let trailer = Metadata();
      const onTrailer = (metadata: Metadata) => {
        trailer = metadata;
      };
      try {
        const { attachment } = await client.upload(messages(start, bytes, stall), { metadata: Metadata(headers), signal: stall.signal, onTrailer });
        if (attachment === undefined) throw new CallError('INTERNAL', 'The upload was answered without an attachment.');
        return attachment;
      } catch (error) {
        throw stall.errorOf(error) ?? (error instanceof CallError ? error : callErrorOf(error, trailer));
      } finally {
        stall.rests();
      }
    },
    download: async function* (part, { headers, signal }) {
      const stall = openStall(signal, 'The download');
      let trailer = Metadata();
      const onTrailer = (metadata: Metadata) => {
        trailer = metadata;
      };
      try {
        stall.waits();
        for await (const { message } of client.download(requestOf(part), { metadata: Metadata(headers), signal: stall.signal, onTrailer })) {
          stall.rests();
          if (message !== undefined) yield message.value;
          stall.waits();
        }
      } catch (error) {
        throw stall.errorOf(error) ?? callErrorOf(error, trailer);
      } finally {
        stall.rests();
      }
    },
    sha256: () => {
      const hash = createHash('sha256');
      return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest() };
    },
  };
}

async function* messages(start: UploadStart, bytes: AsyncIterable<Uint8Array>, { waits }: Stall): AsyncGenerator<UploadRequest> {
  waits();
  yield { message: { $case: 'start', value: start } };
  for await (const value of bytes) {
    waits();
    yield { message: { $case: 'chunk', value } };
  }
  waits();
}

function requestOf({ attachmentId, from, most, of }: Part) {
  const range = { part: { $case: 'from', value: BigInt(from) } as const, most: BigInt(most ?? 0), ifSha256: of ?? new Uint8Array() };
  return { attachmentId, range: from === 0 && most === undefined ? undefined : range, startOnly: false, unlessSha256: [] };
}
