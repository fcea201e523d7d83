import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/kit/clock.ts';
import type { Line } from '../../core/kit/yield-to-calls.ts';
import { pauseSoon } from '../http/socket-handle.ts';

/** One TLS record with its header (RFC 8446, section 5.2). A ClientHello is shorter: some 2 KB. Bytes. */
const helloBytesMax = 5 + 16_384 + 256;
/** A piece costs hundreds of bytes, however short. The rest of a hello in more pieces waits in the kernel. */
const piecesMax = 64;

export type HelloParts = {
  readonly clock: Clock;
  /** How long a client may send nothing. */
  readonly silentMs: number;
  /** End a connection: of a client that sent nothing, or more than a ClientHello. */
  readonly tooLate: (socket: Socket) => void;
  readonly fail: (socket: Socket) => void;
};

/**
 * Passes each connection on once its client has sent the first bytes and its turn has come: a handshake costs a
 * millisecond of CPU, and two thousand clients may return at once. One that leaves meanwhile costs no handshake.
 * @param handshakes the server that makes them; it does not listen
 * @param line in which they wait
 */
export function awaitClientHello(handshakes: Server, line: Line, { clock, silentMs, tooLate, fail }: HelloParts): Server {
  return createServer({ noDelay: true, highWaterMark: helloBytesMax }, (socket) => {
    let [had, pieces] = [0, 0];
    let resume = () => {};
    let leave: () => void = clock.after(silentMs, () => tooLate(socket));
    const look = () => {
      const has = socket.readableLength;
      if (has === had) return socket.destroy(); // its end: who waits for the server's hello sends nothing more
      if (has > helloBytesMax) return fail(socket);
      if (had === 0) {
        leave();
        leave = line(begin);
      }
      had = has;
      if (++pieces === piecesMax) resume = pauseSoon(socket);
    };
    const begin = () => {
      resume();
      socket.off('readable', look);
      process.nextTick(() => handshakes.emit('connection', socket)); // until then Node does not notice that nobody listens to "readable"
    };
    socket.on('readable', look);
    socket.once('close', () => leave());
  });
}
