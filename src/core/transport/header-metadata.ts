import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { CallMetadata } from '../ports/call.ts';

/** Of HTTP and of gRPC itself, not of the call. Pseudo headers begin with ":". */
const notOfTheCall = new Set(['content-type', 'te', 'accept-encoding', 'grpc-encoding', 'grpc-accept-encoding', 'grpc-timeout']);

/** The metadata of a gRPC call, read from its clean headers when somebody asks: of ten that a client sends a call needs three or four. */
export class HeaderMetadata implements CallMetadata {
  readonly #headers: IncomingHttpHeaders;
  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }
  // The type makes the kind of a value hang on its key, which no body can show to the compiler: hence `never`.
  get(key: string): never {
    return this.getAll(key)[0] as never;
  }
  getAll(key: string): never[] {
    const name = key.toLowerCase();
    const value = this.#headers[name];
    if (value === undefined || notOfTheCall.has(name) || name.startsWith(':')) return [];
    const text = typeof value === 'string' ? value : value.join(', ');
    return (name.endsWith('-bin') ? text.split(',').map((part) => Buffer.from(part.trim(), 'base64')) : [text]) as never[];
  }
  has(key: string): boolean {
    return this.getAll(key).length > 0;
  }
  *[Symbol.iterator](): IterableIterator<[string, (string | Uint8Array)[]]> {
    for (const key of Object.keys(this.#headers)) {
      const values = this.getAll(key);
      if (values.length > 0) yield [key, values];
    }
  }
}

/** Adds an answer's metadata to the headers that grpc-js is about to send: it makes them itself, and hands them to Node as the last thing it does. */
export function answerHeaders(stream: ServerHttp2Stream, metadata: CallMetadata): void {
  const { respond } = stream;
  const added: OutgoingHttpHeaders = {};
  for (const [key, values] of metadata) added[key] = values.length === 1 ? headerOf(values[0]) : values.map(headerOf);
  stream.respond = (headers, options) => {
    stream.respond = respond;
    stream.respond(Object.assign(headers ?? {}, added), options);
  };
}

function headerOf(value: string | Uint8Array = ''): string {
  return typeof value === 'string' ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}
