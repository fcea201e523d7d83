import type { Socket } from 'node:net';

/** Says in plain HTTP why a request is not answered, where nothing else was said. */
export function refuse(socket: Socket, status: string): void {
  if (socket.writable && socket.bytesWritten === 0) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.destroySoon();
}
