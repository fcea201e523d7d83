// A link to a Redis on which messages of sharded pub/sub can be lost, without a trace: all else passes.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type LossyRedisLink = AsyncDisposable & {
  /** "127.0.0.1:41234" */
  readonly address: string;
  /** Loses messages of channels with this text in their name from here on; undefined: no longer. */
  lose(channels: string | undefined): void;
  /** How many were lost. */
  readonly lost: () => number;
  /** Cuts all connections. */
  cut(): void;
  /** The same, and cuts new ones as they come, until it is turned off. */
  refuse(on: boolean): void;
};

/** Behind the type of the frame, which is "*" in RESP2 and ">" in RESP3. */
const mark = '3\r\n$8\r\nsmessage\r\n';

export async function openLossyRedisLink(port: number): Promise<LossyRedisLink> {
  let losing: string | undefined;
  let lost = 0;
  let refusing = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (refusing) return void socket.destroy();
    const through = connect(port, '127.0.0.1');
    for (const end of [socket, through]) {
      end.setNoDelay(true);
      sockets.add(end);
      end
        .on('error', () => {})
        .on('close', () => {
          for (const one of [socket, through]) {
            sockets.delete(one);
            one.destroy();
          }
        });
    }
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes) => through.write(bytes));
    through.on('data', (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      while (rest.length > 0) {
        const at = rest.indexOf(mark) - 1;
        const whole = at < 0 ? rest.length - partOfMark(rest) : at;
        if (whole > 0) socket.write(rest.subarray(0, whole));
        rest = rest.subarray(whole);
        const frame = at < 0 ? undefined : messageIn(rest);
        if (frame === undefined) return; // the remainder of it is still to come
        if (losing !== undefined && frame.channel.includes(losing)) lost++;
        else socket.write(rest.subarray(0, frame.end));
        rest = rest.subarray(frame.end);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of [...sockets]) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose: (channels) => {
      losing = channels;
    },
    lost: () => lost,
    cut,
    refuse: (on) => {
      refusing = on;
      if (on) cut();
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** How many bytes at the end may be the beginning of a message. */
function partOfMark(bytes: Buffer): number {
  for (let length = Math.min(mark.length, bytes.length); length > 0; length--) {
    const end = bytes.toString('latin1', bytes.length - length);
    if ((end[0] === '*' || end[0] === '>') && mark.startsWith(end.slice(1))) return length;
  }
  return 0;
}

/** The channel of a message at the beginning, and where it ends; undefined: it is not whole. */
function messageIn(bytes: Buffer): { readonly channel: string; readonly end: number } | undefined {
  const channel = textAt(bytes, 1 + mark.length);
  const payload = channel && textAt(bytes, channel.end);
  return payload && { channel: channel.text, end: payload.end };
}

function textAt(bytes: Buffer, at: number): { readonly text: string; readonly end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const from = lineEnd + 2;
  const length = Number(bytes.toString('latin1', at + 1, lineEnd));
  return from + length + 2 <= bytes.length ? { text: bytes.toString('latin1', from, from + length), end: from + length + 2 } : undefined;
}
