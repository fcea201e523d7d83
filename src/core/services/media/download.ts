import { type ByteRange, type DownloadRequest, DownloadResponse } from '../../../gen/portico/v1/media.ts';
import { Fault } from '../../kit/fault.ts';
import type { Attachment, Found } from '../../ports/attachments.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { readParts } from './content-parts.ts';

type DownloadWish = Pick<DownloadRequest, 'range' | 'startOnly' | 'unlessSha256'>;

/** The messages of a download. */
export async function* sendContent(blobs: Blobs, { attachment, parts, isLost }: Found, wish: DownloadWish): AsyncGenerator<Uint8Array> {
  const { from, to, isRange } = spanOf(attachment, wish.range);
  if (isLost) throw new Fault('ATTACHMENT_LOST', 'The store has lost the content.');
  yield encode({ $case: 'start', value: { attachment: attachmentOut(attachment), offset: BigInt(from), length: BigInt(to - from), isRange } });
  if (wish.startOnly || wish.unlessSha256.some((known) => Buffer.compare(known, attachment.sha256) === 0)) return;
  for await (const chunk of readParts(blobs, parts, from, to))
    yield encode({ $case: 'chunk', value: Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) });
}

export function attachmentOut({ sizeBytes, sha256, ...attachment }: Attachment) {
  return { ...attachment, sizeBytes: BigInt(sizeBytes), sha256: Buffer.from(sha256) };
}

function encode(message: NonNullable<DownloadResponse['message']>): Uint8Array {
  return DownloadResponse.encode({ message }).finish();
}

/** @throws Fault RANGE_INVALID */
function spanOf(
  { sizeBytes, sha256 }: Attachment,
  range: ByteRange | undefined,
): { readonly from: number; readonly to: number; readonly isRange: boolean } {
  const isMeant = range !== undefined && (range.ifSha256.length === 0 || Buffer.compare(range.ifSha256, sha256) === 0);
  if (!isMeant || range.part === undefined) return { from: 0, to: sizeBytes, isRange: false };
  const { $case, value } = range.part;
  const size = BigInt(sizeBytes);
  if ($case === 'last' ? value === 0n : value >= size)
    throw new Fault('RANGE_INVALID', `The attachment has ${sizeBytes} bytes, and none of those.`, { metadata: { size: String(sizeBytes) } });
  const from = $case === 'from' ? value : value > size ? 0n : size - value;
  const to = $case === 'from' && range.most > 0n && from + range.most < size ? from + range.most : size;
  return { from: Number(from), to: Number(to), isRange: true };
}
