import { type LiveHello, LiveRequest, LiveServiceDefinition, OpenRequest, SendRequest } from '../../../gen/portico/v1/live.ts';
import type { StreamService } from '../../streams/stream-service.ts';
import type { LiveParts } from './live-parts.ts';
import { liveStream } from './live-stream.ts';

const { fullName, methods } = LiveServiceDefinition;
const nameOf = ({ name }: { readonly name: string }) => `${fullName}/${name}`;

/** portico.v1.LiveService. */
export function liveService(parts: LiveParts): StreamService<LiveRequest, LiveHello> {
  return {
    name: 'live',
    methods: { connect: nameOf(methods.connect), open: nameOf(methods.open), send: nameOf(methods.send) },
    decode: (message) => LiveRequest.decode(message),
    helloOf: ({ message }) => (message?.$case === 'hello' ? message.value : undefined),
    decodeOpen: (request) => OpenRequest.decode(request).hello as LiveHello,
    decodeSend: (request) => {
      const { streamId, n, message } = SendRequest.decode(request);
      return { streamId, n, message: LiveRequest.encode(message as LiveRequest).finish() };
    },
    begin: (stream, call, hello) => liveStream(stream, call, parts, hello),
  };
}
