import type { IncomingHttpHeaders } from 'node:http2';
import type { CallMetadata } from '../core/ports/call.ts';

/** Headers of HTTP and of the protocols, which are not metadata. Pseudo headers begin with ":". */
const notOfTheCall = new Set(
  `accept accept-encoding connect-accept-encoding connect-content-encoding connect-protocol-version connection content-encoding content-length content-type
  expect grpc-accept-encoding grpc-encoding grpc-timeout host keep-alive te trailer transfer-encoding upgrade`.split(/\s+/),
);

/**
 * The metadata of a call, read on demand from its cleaned headers: of ten headers of a client, a call needs three or
 * four.
 */
export class HeaderMetadata implements CallMetadata {
  readonly #headers: IncomingHttpHeaders;
  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }
  // The type of a value depends on its key, which no body can prove to the compiler: hence `never`.
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
