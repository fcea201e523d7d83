import { clip, percentEncode } from '../core/kit/clip-text.ts';
import { headerBytes, metadataBytes, metadataWithin, ownHeadersBytes } from '../core/kit/metadata-bytes.ts';
import { StatusError } from '../core/kit/status-error.ts';
import { Status } from '../gen/google/rpc/status.ts';
import { detailJsonBytes, detailsBytes, type StatusDetail } from './protocols/connect-details.ts';

/** The trailer that holds a google.rpc.Status. */
export const detailsKey = 'grpc-status-details-bin';

/** The details that a client needs most come first. Those of other types are the first to be dropped. */
const ranks = ['ErrorInfo', 'RetryInfo', 'RequestInfo', 'LocalizedMessage', 'BadRequest'].map((name) => `type.googleapis.com/google.rpc.${name}`);

/** The bytes of a status in the protocol that takes the most: metadata, text and details. */
function statusBytes(status: StatusError): number {
  const { message, metadata, trailers } = status;
  const inJson = Math.max(0, detailsBytes(detailsOf(status)) - metadataBytes([[detailsKey, trailers.getAll(detailsKey)]]));
  return ownHeadersBytes + textBytes(message) + metadataBytes(metadata) + metadataBytes(trailers) + inJson;
}

/**
 * The same or more, without coding the text and decoding the details: in percents one unit of a text takes at most nine
 * bytes, and in JSON a byte of details at most twelve, which are those of an empty one.
 */
function statusBytesMost({ message, metadata, trailers }: StatusError): number {
  const details = trailers.get(detailsKey)?.length ?? 0;
  return ownHeadersBytes + headerBytes + message.length * 9 + metadataBytes(metadata) + metadataBytes(trailers) + details * 12;
}

/**
 * A status that fits into the headers of any client, whoever wrote it. The code always stays. Beyond the budget
 * metadata is dropped from its end to a quarter of the budget, then details by their rank; the text is clipped to what
 * remains, and keeps an eighth of the budget for as long as there are details.
 * @param bytesMax the budget of all parts together
 */
export function fitStatus(status: StatusError, bytesMax: number): StatusError {
  if (statusBytesMost(status) <= bytesMax || statusBytes(status) <= bytesMax) return status;
  const { code, cause } = status;
  const metadata = metadataWithin(status.metadata, bytesMax / 4);
  const passed = [...status.trailers].filter(([key]) => key !== detailsKey);
  const trailers = metadataWithin(passed, bytesMax / 4 - metadataBytes(metadata));
  const left = bytesMax - ownHeadersBytes - metadataBytes(metadata) - metadataBytes(trailers);
  const details = detailsOf(status);
  // Details repeat the text, in base64.
  const inDetails = (text: string) => textBytes(text) + (details.length === 0 ? 0 : base64Bytes(Buffer.byteLength(text)));
  const least = clipTo(status.message, bytesMax / 8, inDetails);
  const kept = detailsWithin(details, left - inDetails(least) - headerBytes - detailsKey.length);
  const bytes = kept.reduce((sum, detail) => sum + detailBytes(detail), 0);
  const message =
    kept.length === 0 ? clipTo(status.message, left, textBytes) : clipTo(status.message, left - headerBytes - detailsKey.length - bytes, inDetails);
  if (kept.length > 0) trailers.set(detailsKey, Status.encode({ code, message, details: kept }).finish());
  return new StatusError(code, message, { metadata, trailers, cause });
}

/** The longest clipped text that costs no more. */
function clipTo(text: string, bytesMax: number, costOf: (text: string) => number): string {
  if (costOf(text) <= bytesMax) return text;
  let [low, high] = [2, Buffer.byteLength(text)];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (costOf(clip(text, middle)) <= bytesMax) low = middle;
    else high = middle;
  }
  return low === 2 ? '' : clip(text, low);
}

function detailsWithin(details: Status['details'], bytesMax: number): Status['details'] {
  const rankOf = (typeUrl: string) => (ranks.includes(typeUrl) ? ranks.indexOf(typeUrl) : ranks.length);
  const kept = new Set<Status['details'][number]>();
  let left = bytesMax;
  for (const detail of [...details].sort((a, b) => rankOf(a.typeUrl) - rankOf(b.typeUrl))) {
    left -= detailBytes(detail);
    if (left < 0) break;
    kept.add(detail);
  }
  return details.filter((detail) => kept.has(detail));
}

/** In a header of gRPC, or in the JSON of Connect. */
function detailBytes(detail: StatusDetail): number {
  return Math.max(base64Bytes(Buffer.byteLength(detail.typeUrl) + detail.value.length), detailJsonBytes(detail));
}

/** In base64, with its tags and lengths. */
function base64Bytes(bytes: number): number {
  return Math.ceil(((bytes + 16) * 4) / 3);
}

/** In a header of gRPC, or in the JSON of Connect. */
function textBytes(text: string): number {
  return headerBytes + Math.max(percentEncode(text).length, Buffer.byteLength(JSON.stringify(text)));
}

/** The details of an upstream may be arbitrary bytes: without a google.rpc.Status there are none. */
export function detailsOf({ trailers }: StatusError): Status['details'] {
  const bytes = trailers.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    return Status.decode(bytes).details;
  } catch {
    return []; // code and text remain
  }
}
