import { constants } from 'node:http2';
import type { Writable } from 'node:stream';
import { Fault } from '../kit/fault.ts';
import { clip } from '../kit/text.ts';
import type { Peer } from '../ports/call.ts';
import type { NodeServerRequest, NodeServerResponse } from './connect-edge.ts';
import { applyCors } from './cors.ts';
import { fence } from './fence.ts';
import type { FrontOptions } from './front-options.ts';
import { cleanHeaders, edgeHeader, encodeWord } from './incoming.ts';
import { refuseHttp } from './refusal.ts';

/** Answers one request of plain HTTP, of either version: pages, preflights, Connect, JSON, gRPC-Web. */
export function serveHttp(options: FrontOptions, request: NodeServerRequest, response: NodeServerResponse, peer: Peer): void {
  const failed = (error: unknown) => {
    options.reportDefect('stream', error);
    if ('stream' in request) request.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else (response as Writable).destroy();
  };
  for (const emitter of [request, response] as NodeJS.EventEmitter[]) {
    fence(emitter, failed);
    emitter.on('error', () => {});
  }
  try {
    serve(options, request, response, peer);
  } catch (error) {
    failed(error);
  }
}

function serve(options: FrontOptions, request: NodeServerRequest, response: NodeServerResponse, peer: Peer): void {
  try {
    if (applyCors(request, response, options.corsOrigins)) return;
    const path = request.url?.split('?', 2)[0] ?? '';
    if ((request.method === 'GET' || request.method === 'HEAD') && Object.hasOwn(options.pages, path)) {
      sendPage(options, path, request, response);
      return;
    }
    request.headers[edgeHeader] = encodeWord(cleanHeaders(request.headers, peer, options.clock.nowMs(), request.rawHeaders));
    if (!options.connect(request, response)) throw unknownMethod(path);
  } catch (error) {
    const refused = options.refusal(asFault(error, options), String(request.headers['accept-language'] ?? ''));
    refuseHttp(request, response, refused, options.registry);
  }
}

function sendPage({ pages }: FrontOptions, path: string, request: NodeServerRequest, response: NodeServerResponse): void {
  const page = pages[path]?.();
  if (page === undefined) return;
  const { contentType, body, cacheControl = 'no-cache' } = page;
  response.writeHead(200, { 'content-type': contentType, 'cache-control': cacheControl });
  if (request.method === 'GET') response.write(body);
  response.end();
}

export function unknownMethod(path: string): Fault {
  const shown = clip(path, 200);
  return new Fault('METHOD_UNKNOWN', `There is no method ${shown} here.`, { metadata: { path: shown } });
}

/** What is no refusal is a defect of ours: it is logged whole and counted, and the client is told that there was one. */
export function asFault(error: unknown, { reportDefect }: Pick<FrontOptions, 'reportDefect'>): Fault {
  if (error instanceof Fault) return error;
  reportDefect('stream', error);
  return new Fault('INTERNAL', 'The call failed by a defect of the server.', { cause: error });
}
