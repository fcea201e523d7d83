import type { Registry } from '@bufbuild/protobuf';
import type { Exchange } from '../exchange.ts';
import { jsonCodec, protoCodec } from './codec.ts';
import { connectGet } from './connect-get.ts';
import { connectStream } from './connect-stream.ts';
import { connectUnary } from './connect-unary.ts';
import { grpc } from './grpc.ts';
import { grpcWeb } from './grpc-web.ts';
import { contents } from './media-http/media-paths.ts';
import type { Protocol, Spoken } from './protocol.ts';

/**
 * Determines the protocol of a request by its verb and content type.
 * @param registry the types for JSON in an Any and for errors
 */
export function protocolsBy(registry: Registry): (exchange: Exchange) => Spoken {
  const json = jsonCodec(registry);
  const byType = new Map<string, Protocol>([
    ['application/grpc', grpc],
    ['application/grpc+proto', grpc],
    ['application/json', connectUnary(json, registry)],
    ['application/proto', connectUnary(protoCodec, registry)],
    ['application/connect+json', connectStream(json, registry)],
    ['application/connect+proto', connectStream(protoCodec, registry)],
  ]);
  for (const text of ['', '-text']) {
    byType.set(`application/grpc-web${text}`, grpcWeb(protoCodec, text !== ''));
    for (const codec of [protoCodec, json]) byType.set(`application/grpc-web${text}+${codec.name}`, grpcWeb(codec, text !== ''));
  }
  const spoken = new Map([...byType].map(([type, protocol]) => [type, { protocol, refused: undefined }]));
  const asJson = byType.get('application/json') as Protocol;
  const gets: Readonly<Record<string, Spoken>> = {
    json: { protocol: connectGet(json, registry), refused: undefined },
    proto: { protocol: connectGet(protoCodec, registry), refused: undefined },
  };
  const contentOf = contents(registry);
  return (exchange) => {
    const { method, headers, query } = exchange;
    const content = contentOf(exchange);
    if (content !== undefined) return content;
    if (method === 'GET') return getOf(query, gets) ?? { protocol: asJson, refused: 'content type' };
    const contentType = headers['content-type'] ?? '';
    const found = spoken.get(contentType) ?? spoken.get(withoutCharset(contentType));
    if (found === undefined) return { protocol: /^application\/grpc(\+|;|$)/.test(contentType) ? grpc : asJson, refused: 'content type' };
    return method === 'POST' ? found : { protocol: found.protocol, refused: 'verb' };
  };
}

function getOf(query: string, gets: Readonly<Record<string, Spoken>>): Spoken | undefined {
  return gets[/(?:^|&)encoding=(json|proto)(?:&|$)/.exec(query)?.[1] ?? ''];
}

/** A parameter other than UTF-8 is another form. */
function withoutCharset(contentType: string): string {
  if (contentType.length > 100) return contentType; // no known type is so long, and the expression is quadratic in spaces
  return contentType
    .toLowerCase()
    .replace(/\s*;\s*charset="?utf-?8"?\s*$/, '')
    .trim();
}
