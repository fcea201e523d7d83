// One client of Centrifugo: its protobuf protocol on a WebSocket on a TLS connection of its own (RFC 6455; proto definition: github.com/centrifugal/protocol, client.proto).
import { randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

export type WsClientParts = {
  readonly port: number;
  readonly ca: string | Buffer;
  readonly channel: string;
  readonly onSubscribed: () => void;
  /** What was published. */
  readonly onMessage: (message: Buffer) => void;
  readonly onEnd: (why: string) => void;
};

export function openWsClient({ port, ca, channel, onSubscribed, onMessage, onEnd }: WsClientParts): { close(): void } {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' });
  let over = false;
  const end = (why: string) => {
    if (over) return;
    over = true;
    socket.destroy();
    onEnd(why);
  };
  socket.write(
    `GET /connection/websocket?format=protobuf HTTP/1.1\r\nhost: localhost:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-protocol: centrifuge-protobuf\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  const send = (write: (writer: BinaryWriter) => BinaryWriter) => {
    const command = write(new BinaryWriter()).finish();
    socket.write(maskedFrame(2, new BinaryWriter().bytes(command).finish()));
  };
  const onReply = (reply: Buffer) => {
    const fields = fieldsOf(reply);
    if (fields.has(2)) return end(`an error: ${fields.get(2)}`);
    if (fields.has(5))
      send((w) =>
        w.tag(1, WireType.Varint).uint32(2).tag(5, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(channel).join(),
      );
    else if (fields.has(6)) onSubscribed();
    else if (fields.has(4)) {
      const publication = fieldsOf(fields.get(4) as Buffer).get(4);
      if (publication !== undefined) onMessage(fieldsOf(publication).get(4) as Buffer);
    } else if (fields.size === 0) socket.write(maskedFrame(2, Buffer.from([0]))); // ping and pong are empty
  };
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!upgraded) {
      const at = rest.indexOf('\r\n\r\n');
      if (at < 0) return;
      if (!rest.toString('latin1', 0, at).startsWith('HTTP/1.1 101')) return end(rest.toString('latin1', 0, 200));
      rest = rest.subarray(at + 4);
      upgraded = true;
      send((w) => w.tag(1, WireType.Varint).uint32(1).tag(4, WireType.LengthDelimited).bytes(new Uint8Array()));
    }
    for (;;) {
      const found = nextFrame(rest);
      if (found === undefined) break;
      rest = rest.subarray(found.until);
      if (found.opcode === 8) return end(`closed: ${found.payload.subarray(2).toString()}`);
      if (found.opcode === 9) socket.write(maskedFrame(10, found.payload));
      if (found.opcode !== 2) continue;
      const reader = new BinaryReader(found.payload);
      while (reader.pos < reader.len) onReply(Buffer.from(reader.bytes()));
    }
    if (rest.length > 0) rest = Buffer.from(rest);
  });
  socket.on('error', (error) => end(error.message)).on('close', () => end('closed'));
  return {
    close: () => {
      over = true;
      socket.destroy();
    },
  };
}

/** The length-delimited fields of a message, the last of each number. */
function fieldsOf(message: Buffer): Map<number, Buffer> {
  const reader = new BinaryReader(message);
  const fields = new Map<number, Buffer>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited) fields.set(number, Buffer.from(reader.bytes()));
    else {
      reader.skip(type);
      fields.set(-number, Buffer.alloc(0));
    }
  }
  return fields;
}

function maskedFrame(opcode: number, payload: Uint8Array): Buffer {
  if (payload.byteLength > 125) throw new Error('too long for a frame of this client');
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.byteLength, 0, 0, 0, 0]), payload]); // masked with zeros
}

function nextFrame(bytes: Buffer): { readonly opcode: number; readonly payload: Buffer; readonly until: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < head + length) return undefined;
  return { opcode: (bytes[0] ?? 0) & 0xf, payload: bytes.subarray(head, head + length), until: head + length };
}
