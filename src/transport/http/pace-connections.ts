import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/kit/clock.ts';
import { openPace } from '../../core/kit/pace.ts';

export type PacedConnections = {
  /** Passes a connection on, now or soon. Its bytes must not have been read. */
  pass(socket: Socket): void;
  /** Ends those that wait. */
  close(): void;
};

/** Handshakes that begin in a millisecond: each takes half of one, and what clients then open as long again. */
const most = 4;

/**
 * Begins handshakes no faster than the event loop keeps up. When a thousand clients return at once, the kernel has all
 * their connections: accepted in one turn of the loop, they would take all its time, and calls of others would wait.
 */
export function paceConnections(pass: (socket: Socket) => void, clock: Clock): PacedConnections {
  const pace = openPace({ clock, most });
  const waiting = new Set<Socket>();
  return {
    pass: (socket) => {
      waiting.add(socket);
      const cancel = pace(() => {
        waiting.delete(socket);
        if (!socket.destroyed) pass(socket);
      });
      if (!waiting.has(socket)) return;
      socket.on('error', () => {});
      socket.once('close', () => {
        waiting.delete(socket);
        cancel();
      });
    },
    close: () => {
      for (const socket of [...waiting]) socket.destroy();
    },
  };
}

/** Accepts connections without reading them. */
export function acceptUnread(take: (socket: Socket) => void): Server {
  return createServer({ noDelay: true, pauseOnConnect: true }, take);
}
