import type { Socket } from 'node:net';

/** Responds in plain HTTP with the reason, if nothing was sent yet. */
export function refuseSocket(socket: Socket, status: string): void {
  if (socket.writable && socket.bytesWritten === 0) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.destroySoon();
}
