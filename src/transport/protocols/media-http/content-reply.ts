import type { OutgoingHttpHeaders } from 'node:http';
import type { Registry } from '@bufbuild/protobuf';
import { Fault } from '../../../core/kit/fault.ts';
import type { MethodPlan } from '../../../core/kit/method-plan.ts';
import type { CoreReason } from '../../../core/kit/reasons.ts';
import type { StatusError } from '../../../core/kit/status-error.ts';
import type { Answer, CallMetadata } from '../../../core/ports/call.ts';
import { DownloadResponse, type DownloadStart } from '../../../gen/portico/v1/media.ts';
import type { Exchange } from '../../exchange.ts';
import { jsonCodec } from '../codec.ts';
import { connectError } from '../connect-error.ts';
import { toHeaders } from '../metadata-to-headers.ts';
import type { Reply } from '../protocol.ts';
import { safeHeaders } from './download-headers.ts';
import { etagOf, knownHashes } from './range-and-etag.ts';

/** HTTP has statuses of its own for these. */
const httpStatusOfReason: ReadonlyMap<string, number> = new Map<CoreReason, number>([
  ['ATTACHMENT_TOO_LARGE', 413],
  ['ATTACHMENT_TYPE_REFUSED', 415],
  ['RANGE_INVALID', 416],
  ['UPLOAD_OFFSET_WRONG', 409],
  ['MEDIA_FULL', 507],
]);

/**
 * The answer of plain HTTP: JSON of an upload, or a content with its status and headers. Its states are those of a
 * reply.
 */
export class ContentReply implements Reply {
  readonly #exchange: Exchange;
  readonly #registry: Registry;
  #metadata: CallMetadata | undefined;
  #hasStarted = false;

  constructor(exchange: Exchange, registry: Registry) {
    this.#exchange = exchange;
    this.#registry = registry;
  }

  one(plan: MethodPlan, { metadata }: Answer, body: Uint8Array): void {
    const json = jsonCodec(this.#registry).write(plan, body);
    this.#exchange.respond(200, toHeaders(metadata, { 'content-type': 'application/json', 'content-length': json.byteLength }));
    if (!this.#exchange.isClosed()) this.#exchange.end(json);
  }

  /** The headers wait for the first message. */
  open(metadata: CallMetadata): void {
    this.#metadata = metadata;
  }

  message(_plan: MethodPlan, bytes: Uint8Array): boolean {
    const { message } = DownloadResponse.decode(bytes);
    if (message?.$case === 'chunk') return this.#exchange.write(message.value);
    if (message?.$case === 'start') this.#start(message.value);
    return true;
  }

  close(): void {
    if (this.#hasStarted) this.#exchange.output.end();
  }

  fail(status: StatusError, bytesMax: number): void {
    if (this.#hasStarted) {
      this.#exchange.output.destroy(); // so that the client notices that the content is not whole
      return;
    }
    const fault = status.cause instanceof Fault ? status.cause : undefined;
    const { httpStatus, error } = connectError(status, this.#registry, bytesMax);
    const body = Buffer.from(JSON.stringify(error));
    const headers = toHeaders(status.metadata, { 'content-type': 'application/json', 'content-length': body.byteLength });
    if (httpStatus === 405) headers.allow = 'GET, HEAD, PUT';
    if (fault?.reason === 'RANGE_INVALID') headers['content-range'] = `bytes */${fault.details.metadata?.size}`;
    const isHead = this.#exchange.method === 'HEAD';
    this.#exchange.respond(httpStatusOfReason.get(fault?.reason ?? '') ?? httpStatus, headers, { only: isHead });
    if (!isHead && !this.#exchange.isClosed()) this.#exchange.end(body);
  }

  #start({ attachment, offset, length, isRange }: DownloadStart): void {
    if (attachment === undefined) throw new Error('A download begins with its attachment.');
    const { method, headers: asked } = this.#exchange;
    const etag = etagOf(attachment.sha256);
    const headers: OutgoingHttpHeaders = toHeaders(this.#metadata ?? [], { ...safeHeaders(attachment), etag, 'accept-ranges': 'bytes' });
    const { hashes, any } = knownHashes(asked['if-none-match']);
    this.#hasStarted = true;
    if (any || hashes.some((known) => etagOf(known) === etag)) {
      this.#exchange.respond(304, headers, { only: true });
      return;
    }
    headers['content-type'] = attachment.contentType;
    headers['content-length'] = String(length);
    if (isRange) headers['content-range'] = `bytes ${offset}-${offset + length - 1n}/${attachment.sizeBytes}`;
    this.#exchange.respond(isRange ? 206 : 200, headers, { only: method === 'HEAD' });
  }
}
