import { never } from '../../core/kit/ending.ts';
import type { Attachment } from '../../gen/portico/v1/media.ts';
import { asCallError, CallError, ownError } from '../call-error.ts';
import { askedMs, waitMs } from '../stream/retry-waits.ts';
import { type Content, piecesOf } from './content.ts';
import type { Network } from './network.ts';
import type { UploadParts } from './upload.ts';
import { failuresMax, passes, waitMostMs } from './upload-step.ts';

/** An attachment to be downloaded, or a part of one. */
export type DownloadWish = {
  readonly attachmentId: string;
  /** The first byte. Unset: 0. */
  readonly from?: number;
  /** So many bytes at most. Unset: up to the end. */
  readonly most?: number;
  /** What an earlier process has of it, from byte 0 on: the rest is downloaded. Not together with `from`. */
  readonly kept?: Content;
  /** Called before the first bytes. */
  readonly onStart?: (attachment: Attachment) => void;
  /** Called with all bytes in their order, and again once it has resolved. What it throws ends the download. */
  readonly write: (bytes: Uint8Array, offset: number) => void | Promise<void>;
  readonly signal?: AbortSignal;
};

type DownloadParts = Omit<UploadParts, 'clock'> & { readonly network: Network };

/**
 * Downloads, and resumes after a cut. The SHA-256 of a whole content is verified at the end: what was written counts
 * only once this has resolved.
 * @throws CallError CONTENT_HASH_WRONG, or whatever `write` throws
 */
export async function download(
  { attachmentId, from, most, kept, onStart, write, signal = never }: DownloadWish,
  { transport, calls, random, network }: DownloadParts,
): Promise<Attachment> {
  const hash = from === undefined && most === undefined ? transport.sha256() : undefined;
  if (kept !== undefined) for await (const bytes of piecesOf(kept, 0)) hash?.update(bytes);
  let at = from ?? kept?.sizeBytes ?? 0;
  let end: number | undefined;
  let attachment: Attachment | undefined;
  let unwritten: { readonly error: unknown } | undefined;

  const take = async (bytes: Uint8Array) => {
    try {
      await write(bytes, at);
    } catch (error) {
      unwritten = { error };
      throw error;
    }
    hash?.update(bytes);
    at += bytes.length;
  };
  const receive = async (...[headers, ends]: Parameters<Parameters<typeof calls.authorized>[0]>) => {
    /** The last byte that was kept comes again: a part without any byte is refused. */
    let again = attachment === undefined && kept !== undefined && at > 0 ? 1 : 0;
    const part = { attachmentId, from: at - again, most: end === undefined ? most : end - at, of: attachment?.sha256 };
    for await (const came of transport.download(part, { headers, signal: ends })) {
      if (came instanceof Uint8Array) {
        const bytes = came.subarray(again);
        again = Math.max(0, again - came.length);
        if (bytes.length > 0) await take(bytes);
        continue;
      }
      if (came.attachment === undefined || Number(came.offset) !== at - again)
        throw ownError('DATA_LOSS', 'CONTENT_CHANGED', 'Another part has come.');
      if (attachment === undefined) onStart?.(came.attachment);
      attachment ??= came.attachment;
      end = at - again + Number(came.length);
    }
    if (at !== end) throw new CallError('UNAVAILABLE', 'The content was cut.');
  };

  for (let failures = 0; end === undefined || at < end; ) {
    const before = at;
    try {
      await calls.authorized(receive, signal);
      break;
    } catch (error) {
      if (unwritten !== undefined) throw unwritten.error;
      const failed = asCallError(error);
      failures = at > before ? 1 : failures + 1;
      const { retryAfterMs = 0 } = failed;
      if (signal.aborted || !passes(failed) || failures > failuresMax || retryAfterMs > waitMostMs) throw failed;
      await network.pause(Math.max(askedMs(retryAfterMs, random()), waitMs(failures, random())), signal);
    }
  }
  if (attachment === undefined) throw new CallError('UNAVAILABLE', 'Nothing has come.');
  if (hash !== undefined && !isSame(await hash.digest(), attachment.sha256))
    throw ownError('DATA_LOSS', 'CONTENT_HASH_WRONG', 'The content has another SHA-256 than its attachment: delete it.');
  return attachment;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
