// One HTTP/2 request by raw frames, with headers that no client library would send.
import { connect } from 'node:tls';

/** Length with a prefix of 7 bits and no Huffman coding (RFC 7541, sections 5.1 and 5.2), then the text. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text);
  const lengths: number[] = [];
  if (bytes.length < 127) lengths.push(bytes.length);
  else {
    lengths.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) lengths.push((rest % 128) + 128);
    lengths.push(rest);
  }
  return Buffer.concat([Buffer.from(lengths), bytes]);
}

/** Header fields, each as a literal without indexing (RFC 7541, section 6.2.2). */
export function headerBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
}

/** The first bytes of a client (RFC 9113, section 3.4). */
export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const kinds = { data: 0x0, headers: 0x1, reset: 0x3, settings: 0x4, goaway: 0x7 } as const;
const { data, headers: headersType, reset, settings, goaway } = kinds;
const [endStream, endHeaders] = [0x1, 0x4];

/**
 * Sends one request on a connection of its own.
 * @param headers names and values, pseudo headers first; a name may stand twice
 * @returns what came in DATA frames until the stream ended: of gRPC nothing but messages
 */
export function rawHttp2(url: string, ca: string, headers: readonly (readonly [name: string, value: string])[], body: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), ca, servername: hostname, ALPNProtocols: ['h2'] });
    const block = headerBlock(headers);
    const received: Buffer[] = [];
    let rest = Buffer.alloc(0);
    const over = (how: () => void) => {
      socket.destroy();
      how();
    };
    socket.on('error', reject).on('close', () => reject(new Error('The connection was closed.')));
    socket.write(preface);
    socket.write(Buffer.concat([frame(settings, 0, 0, Buffer.alloc(0)), frame(headersType, endHeaders, 1, block), frame(data, endStream, 1, body)]));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const length = rest.readUIntBE(0, 3);
        const [type = 0, flags = 0, stream] = [rest[3], rest[4], rest.readUInt32BE(5)];
        const payload = rest.subarray(9, 9 + length);
        rest = rest.subarray(9 + length);
        if (type === goaway) return over(() => reject(new Error('GOAWAY')));
        if (stream !== 1) continue;
        if (type === data) received.push(Buffer.from(payload));
        if (type === reset || ((type === data || type === headersType) && (flags & endStream) !== 0))
          return over(() => resolve(Buffer.concat(received)));
      }
    });
  });
}
