import type { Registry } from '@bufbuild/protobuf';
import { RequestMessage } from '../../../core/kit/request-message.ts';
import { DownloadByLinkRequest, DownloadRequest, MediaServiceDefinition } from '../../../gen/portico/v1/media.ts';
import type { Exchange } from '../../exchange.ts';
import type { Protocol, Spoken } from '../protocol.ts';
import { OneRequest } from '../unary-request.ts';
import { ContentReply } from './content-reply.ts';
import { knownHashes, rangeOf } from './range-and-etag.ts';
import { attachmentIdIn, uploadedContent } from './uploaded-content.ts';

const { fullName, methods } = MediaServiceDefinition;
const pathOf = ({ name }: { readonly name: string }) => `/${fullName}/${name}`;

/**
 * Plain HTTP for attachments: PUT, GET and HEAD of `/media/{id}` are calls of MediaService, with a bearer token or with
 * the token of a link.
 * @returns undefined: the request is none of them
 */
export function contents(registry: Registry): (exchange: Exchange) => Spoken | undefined {
  const reply: Protocol['reply'] = (exchange) => new ContentReply(exchange, registry);
  const put: Protocol = { name: 'connect', carries: (kind) => kind === 'client_stream', reply, request: uploadedContent };
  const get: Protocol = {
    name: 'connect',
    carries: (kind) => kind === 'server_stream',
    reply,
    request: (exchange, { requestBytes: bytesMax, descriptor: { input } }) =>
      new OneRequest({ input: undefined, bodyBytesMax: 0, bytesMax, read: () => new RequestMessage(input, downloadOf(exchange)) }),
  };
  return (exchange) => {
    const { method, path, query } = exchange;
    if (attachmentIdIn(path) === undefined) return undefined;
    if (method === 'PUT') return { protocol: put, refused: undefined, path: pathOf(methods.upload) };
    const isLink = new URLSearchParams(query).has('link');
    const refused = method === 'GET' || method === 'HEAD' ? undefined : 'verb';
    return { protocol: get, refused, path: pathOf(isLink ? methods.downloadByLink : methods.download) };
  };
}

function downloadOf(exchange: Exchange): Uint8Array {
  const { headers, method, query } = exchange;
  const { hashes, any } = knownHashes(headers['if-none-match']);
  const wish = {
    attachmentId: attachmentIdIn(exchange.path) ?? '',
    range: rangeOf(headers.range, headers['if-range']),
    startOnly: method === 'HEAD' || any,
    unlessSha256: hashes,
  };
  const link = new URLSearchParams(query).get('link');
  return link === null ? DownloadRequest.encode(wish).finish() : DownloadByLinkRequest.encode({ ...wish, link }).finish();
}
