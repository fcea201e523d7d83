import type { Attachment, DownloadStart, UploadStart } from '../../gen/portico/v1/media.ts';
import { CallError } from '../call-error.ts';
import type { Headers, MediaTransport } from '../transport.ts';
import { cut, eachOf, errorOf, unanswered } from '../web-answers.ts';
import { openStall } from './stall.ts';

type Options = { readonly headers: Headers; readonly signal: AbortSignal };
type WebMediaParts = { readonly url: string; readonly fetch: typeof fetch };

/**
 * A request carries so many bytes, since most browsers cannot stream a body. With smaller ones the server would read
 * more often what it has stored, for the hash.
 */
const requestBytes = 8 * 1_048_576;
/** The time of a request: for a network of 16 KiB a second, and a minute more. Milliseconds. */
const timeMs = (bytes: number) => 60_000 + Math.ceil(bytes / 16);

/** Attachments by plain PUT and GET of `/media/{id}`: docs/mobile/attachments.md. */
export function webMedia({ url, fetch }: WebMediaParts): MediaTransport {
  const send = (path: string, request: RequestInit) =>
    fetch(`${url}/media/${path}`, { cache: 'no-store', ...request }).catch(unanswered(`${request.method} of an attachment`));
  return {
    upload: async (start, bytes, { headers, signal }) => {
      const body = await firstOf(bytes, requestBytes);
      const { offset, sizeBytes } = start;
      const place = { 'content-range': `bytes ${offset}-${offset + BigInt(body.length) - 1n}/${sizeBytes}` };
      const ends = AbortSignal.any([signal, AbortSignal.timeout(timeMs(body.length))]);
      const answer = await send(uploadPath(start), { method: 'PUT', headers: { ...headers, ...place }, body, signal: ends });
      const text = await answer.text().catch((error: unknown) => Promise.reject(cut(error)));
      if (!answer.ok) throw errorOf(text, answer.status);
      return attachmentIn(text, start);
    },
    download: (part, options) => download(send, part, options),
    sha256: () => {
      const pieces: Uint8Array[] = []; // browsers hash nothing piece by piece
      return {
        update: (bytes) => void pieces.push(bytes),
        digest: async () => new Uint8Array(await crypto.subtle.digest('SHA-256', joined(pieces))),
      };
    },
  };
}

function uploadPath({ attachmentId, conversationId, sha256, name }: UploadStart): string {
  const said = new URLSearchParams({ conversation: conversationId, sha256: hexOf(sha256), ...(name !== '' && { name }) });
  return `${attachmentId}?${said}`;
}

/** The answer of PUT is an UploadResponse as JSON. What was announced is known. */
function attachmentIn(text: string, { sizeBytes, sha256, name }: UploadStart): Attachment {
  const { attachment } = JSON.parse(text) as { readonly attachment: { readonly id: string; readonly contentType: string } };
  return { id: attachment.id, contentType: attachment.contentType, sizeBytes, sha256, name };
}

async function* download(
  send: (path: string, request: RequestInit) => Promise<Response>,
  { attachmentId, from, most, of }: Parameters<MediaTransport['download']>[0],
  { headers, signal }: Options,
): AsyncGenerator<DownloadStart | Uint8Array> {
  const isWhole = from === 0 && most === undefined;
  const range = isWhole ? {} : { range: `bytes=${from}-${most === undefined ? '' : from + most - 1}`, ...(of && { 'if-range': `"${hexOf(of)}"` }) };
  const leave = new AbortController();
  const stall = openStall(AbortSignal.any([signal, leave.signal]), 'The download');
  try {
    stall.waits();
    const answer = await send(attachmentId, { method: 'GET', headers: { ...headers, ...range }, signal: stall.signal });
    if (!answer.ok || answer.body === null) throw errorOf(await answer.text(), answer.status);
    const start = startOf(answer, attachmentId);
    yield start;
    let left = start.length;
    for await (const bytes of eachOf(answer.body)) {
      stall.rests();
      left -= BigInt(bytes.length);
      yield bytes;
      stall.waits();
    }
    if (left !== 0n) throw new CallError('UNAVAILABLE', 'The content was cut.');
  } catch (error) {
    throw stall.errorOf(error) ?? cut(error);
  } finally {
    stall.rests();
    leave.abort(); // whoever leaves early needs no more of it
  }
}

/** What comes, by the headers of its answer. */
function startOf({ status, headers }: Response, id: string): DownloadStart {
  const [, first = '0', size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  const length = BigInt(headers.get('content-length') ?? 0);
  const [, name = ''] = /filename\*=UTF-8''(\S+)/.exec(headers.get('content-disposition') ?? '') ?? [];
  const attachment: Attachment = {
    id,
    contentType: headers.get('content-type') ?? '',
    sizeBytes: size === undefined ? length : BigInt(size),
    name: decodeURIComponent(name),
    sha256: bytesOf(headers.get('etag') ?? ''),
  };
  return { attachment, offset: BigInt(first), length, isRange: status === 206 };
}

/** So many bytes at the beginning. */
async function firstOf(bytes: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let taken = 0;
  for await (const piece of bytes) {
    pieces.push(piece.subarray(0, most - taken));
    taken += piece.length;
    if (taken >= most) break;
  }
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The hexadecimal digits in a text, as bytes. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (digits) => Number.parseInt(digits, 16));
}
