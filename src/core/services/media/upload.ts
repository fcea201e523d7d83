import { createHash } from 'node:crypto';
import type { UploadStart } from '../../../gen/portico/v1/media.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault, ruleBroken } from '../../kit/fault.ts';
import type { Attachment, Attachments, Upload, UploadBounds } from '../../ports/attachments.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { ReadyCall } from '../../ports/call.ts';
import { openPartWriter, type PartWriter, readParts } from './content-parts.ts';
import { contentTypeOf, headBytes, isAllowedType } from './content-type.ts';
import { type UploadMessages, uploadMessages } from './upload-messages.ts';

/** How often an upload may be resumed: each time may leave a part of a few bytes. */
export const resumesMax = 1_000;

export type UploadRules = UploadBounds & {
  readonly sizeMax: number;
  /** Content types such as "image/png", and kinds such as "image/*". */
  readonly types: readonly string[];
  /** How long an upload may pause. */
  readonly idleMs: number;
};

export type UploadParts = {
  readonly attachments: Attachments;
  readonly blobs: Blobs;
  readonly rules: UploadRules;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly randomHex: (digits: number) => string;
};

/** Takes the messages of one upload. @returns the attachment, once its content is whole and verified */
export async function takeUpload(
  { request, signal }: Pick<ReadyCall, 'request' | 'signal'>,
  ownerId: string,
  parts: UploadParts,
): Promise<Attachment> {
  const { attachments, rules, clock } = parts;
  using messages = uploadMessages(request.each()[Symbol.asyncIterator](), { clock, idleMs: rules.idleMs, signal });
  const start = await startOf(messages);
  const wish = announcedIn(start, ownerId, rules);
  const writer = parts.randomId();
  const upload = await attachments.begin(wish, writer, rules);
  if (upload.attachment !== undefined) return upload.attachment;
  const from = storedOf(upload);
  if (Number(start.offset) !== from) throw wrongOffset(from);
  const to = openPartWriter(parts, { id: wish.id, writer, from });
  const content = openContent(upload, parts);
  try {
    await content.resume();
    await receive(messages, { to, content, sizeBytes: wish.sizeBytes });
    if (!(await to.flush())) throw displaced();
    await content.check(wish.sha256);
    const attachment = await attachments.complete(wish.id, writer, content.type());
    if (attachment === undefined) throw displaced();
    return attachment;
  } catch (error) {
    await to.abort();
    if (error instanceof Fault && fatal.has(error.reason)) await attachments.drop(wish.id, writer);
    throw error;
  }
}

/** What makes an upload useless: it is deleted. */
const fatal: ReadonlySet<string> = new Set(['UPLOAD_HASH_WRONG', 'UPLOAD_SIZE_WRONG', 'ATTACHMENT_TYPE_REFUSED', 'ATTACHMENT_LOST']);

async function startOf(messages: UploadMessages): Promise<UploadStart> {
  const first = await messages.next();
  if (first?.message?.$case !== 'start') throw ruleBroken('start', 'is to be the first message');
  return first.message.value;
}

function announcedIn({ attachmentId, conversationId, sizeBytes, sha256, name }: UploadStart, ownerId: string, { sizeMax }: UploadRules) {
  if (sizeBytes > BigInt(sizeMax))
    throw new Fault('ATTACHMENT_TOO_LARGE', `An attachment has ${sizeMax} bytes at most.`, { metadata: { most: String(sizeMax) } });
  return { id: attachmentId.toLowerCase(), conversationId: conversationId.toLowerCase(), ownerId, sizeBytes: Number(sizeBytes), sha256, name };
}

export function storedOf({ parts }: Pick<Upload, 'parts'>): number {
  const last = parts.at(-1);
  return last === undefined ? 0 : last.firstByte + last.sizeBytes;
}

/** Stores all that comes. What ends early is stored, too. @throws Fault UPLOAD_INCOMPLETE */
async function receive(messages: UploadMessages, { to, content, sizeBytes }: { to: PartWriter; content: Content; sizeBytes: number }): Promise<void> {
  try {
    for (;;) {
      const next = await messages.next();
      if (next === undefined) break;
      if (next.message?.$case !== 'chunk') throw ruleBroken('message', 'is to be a chunk');
      const { value: bytes } = next.message;
      if (to.bytes + bytes.length > sizeBytes) {
        const metadata = { announced: String(sizeBytes) };
        throw new Fault('UPLOAD_SIZE_WRONG', `The content has more than the ${sizeBytes} bytes that were announced.`, { metadata });
      }
      await content.take(bytes, to.bytes + bytes.length === sizeBytes);
      if (!(await to.write(bytes))) throw displaced();
    }
  } catch (error) {
    if (error instanceof Fault && (fatal.has(error.reason) || unstored.has(error.reason))) throw error;
    await to.flush(); // the client has left, or waits: it resumes behind this
    throw error;
  }
  if (to.bytes === sizeBytes) return;
  await to.flush();
  throw incomplete(to.bytes);
}

/** Errors of storing itself. */
const unstored: ReadonlySet<string> = new Set(['MEDIA_FULL', 'MEDIA_DOWN', 'MEDIA_OFF', 'STORAGE_DOWN', 'UPLOAD_DISPLACED']);

type Content = ReturnType<typeof openContent>;

/** What is known of a content while it comes: its hash, and its type by the beginning. */
function openContent(upload: Upload, { blobs, rules }: Pick<UploadParts, 'blobs' | 'rules'>) {
  const stored = storedOf(upload);
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  let type: string | undefined;
  const known = async (bytes: Uint8Array, isEnd: boolean) => {
    if (type !== undefined) return;
    head = Buffer.concat([head, bytes.subarray(0, headBytes - head.length)]);
    if (head.length < headBytes && !isEnd) return;
    type = await contentTypeOf(head);
    if (!isAllowedType(type, rules.types))
      throw new Fault('ATTACHMENT_TYPE_REFUSED', `Content of the type ${type} is not taken.`, { metadata: { contentType: type } });
  };
  return {
    /** Reads what was stored before. */
    resume: async () => {
      for await (const bytes of readParts(blobs, upload.parts, 0, stored)) {
        hash.update(bytes);
        await known(bytes, false);
      }
      if (stored === upload.sizeBytes) await known(new Uint8Array(0), true);
    },
    /** @throws Fault ATTACHMENT_TYPE_REFUSED */
    take: async (bytes: Uint8Array, isEnd: boolean) => {
      hash.update(bytes);
      await known(bytes, isEnd);
    },
    /** @throws Fault UPLOAD_HASH_WRONG */
    check: async (announced: Uint8Array) => {
      if (!hash.digest().equals(announced)) throw new Fault('UPLOAD_HASH_WRONG', 'The content has another SHA-256 than was announced.');
    },
    /** Once all is there. */
    type: () => type as string,
  };
}

const displaced = () => new Fault('UPLOAD_DISPLACED', 'Another call uploads this attachment now.');

function incomplete(offset: number): Fault {
  return new Fault('UPLOAD_INCOMPLETE', `The request ended after ${offset} bytes: resume there.`, { metadata: { offset: String(offset) } });
}

function wrongOffset(offset: number): Fault {
  return new Fault('UPLOAD_OFFSET_WRONG', `${offset} bytes are stored: continue there.`, { metadata: { offset: String(offset) } });
}
