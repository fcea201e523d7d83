// Requests of HTTP/2 by raw frames on one plaintext connection, with any header fields: what node:http2 would not send.
import { connect } from 'node:net';
import { until } from '../time/until.ts';
import { frame, headerBlock, kinds } from './raw-http2.ts';

export type RawRequest = { readonly stream: number; readonly fields: readonly (readonly [name: string, value: string])[]; readonly body: string };

/** Statuses with an index of their own, which a server's first field is (RFC 7541, appendix A). */
const statuses = [200, 204, 206, 304, 400, 404, 500];
const firstStatus = 0x88;

/**
 * Sends the requests one after the other. @returns by stream the status of its answer, or "reset"; of a lost connection
 * nothing more
 */
export async function frames(port: number, requests: readonly RawRequest[]): Promise<ReadonlyMap<number, number | 'reset'>> {
  const socket = connect(port, '127.0.0.1');
  const seen = new Map<number, number | 'reset'>();
  let isLost = false;
  let rest = Buffer.alloc(0);
  socket
    .on('error', () => {})
    .on('close', () => {
      isLost = true;
    });
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const [kind, stream, first] = [rest[3], rest.readUInt32BE(5), rest[9] ?? 0];
      rest = rest.subarray(9 + rest.readUIntBE(0, 3));
      if (kind === kinds.goaway) isLost = true;
      if (kind === kinds.reset && !seen.has(stream)) seen.set(stream, 'reset');
      if (kind === kinds.headers && !seen.has(stream)) seen.set(stream, statuses[first - firstStatus] ?? 0);
    }
  });
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frame(kinds.settings, 0, 0, Buffer.alloc(0)));
  for (const { stream, fields, body } of requests) {
    socket.write(Buffer.concat([frame(kinds.headers, 4, stream, headerBlock(fields)), frame(kinds.data, 1, stream, Buffer.from(body))]));
    await until(`stream ${stream} has ended`, () => seen.has(stream) || isLost);
  }
  socket.destroy();
  return seen;
}
