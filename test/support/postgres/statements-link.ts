// A link to PostgreSQL that reads what passes: the statements of a server, and how long each takes.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A statement of the extended protocol, which is what the driver sends for all that has parameters. */
export type Statement = {
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  readonly sentAtMs: number;
  /** When its answer was whole. Undefined: it is under way. */
  answeredAtMs?: number;
};

export type StatementsLink = AsyncDisposable & {
  /** Of the same database, through the link. */
  readonly url: string;
  /** All statements since the last call, in the order in which they were sent. */
  take(): readonly Statement[];
};

/** Types of the protocol's messages (PostgreSQL, chapter 55.7). */
const [parse, bind, readyForQuery] = ['P', 'B', 'Z'];

export async function openStatementsLink(url: string): Promise<StatementsLink> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let seen: Statement[] = [];
  const server = createServer((socket) => {
    const through = connect(Number(target.port), target.hostname);
    const open: Statement[] = [];
    let text = '';
    const fromClient = messages(true, (type, body) => {
      if (type === parse) text = body.toString('utf8', body.indexOf(0) + 1, body.indexOf(0, body.indexOf(0) + 1));
      if (type !== bind) return;
      const statement = { text, parameters: parametersOf(body), sentAtMs: performance.now() };
      open.push(statement);
      seen.push(statement);
    });
    const fromServer = messages(false, (type) => {
      if (type === readyForQuery) for (const statement of open.splice(0)) statement.answeredAtMs = performance.now();
    });
    for (const [end, other, read] of [
      [socket, through, fromClient],
      [through, socket, fromServer],
    ] as const) {
      sockets.add(end);
      end.setNoDelay(true);
      end.on('data', (bytes) => {
        read(bytes);
        other.write(bytes);
      });
      end
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(end);
          other.destroy();
        });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = Object.assign(new URL(url), { port: String((server.address() as AddressInfo).port) });
  return {
    url: own.href,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of [...sockets]) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Calls back for each whole message. A client's first one has no type. */
function messages(hasStart: boolean, onMessage: (type: string, body: Buffer) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let starts = hasStart;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const at = starts ? 0 : 1;
      if (rest.length < at + 4 || rest.length < at + rest.readUInt32BE(at)) return;
      const end = at + rest.readUInt32BE(at);
      onMessage(starts ? '' : rest.toString('latin1', 0, 1), rest.subarray(at + 4, end));
      starts = false;
      rest = rest.subarray(end);
    }
  };
}

function parametersOf(bound: Buffer): readonly (string | null)[] {
  let at = bound.indexOf(0, bound.indexOf(0) + 1) + 1;
  at += 2 + 2 * bound.readUInt16BE(at); // their formats
  const count = bound.readUInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = bound.readInt32BE(at);
    at += 4 + Math.max(0, length);
    return length < 0 ? null : bound.toString('utf8', at - length, at);
  });
}
