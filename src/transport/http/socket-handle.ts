import type { Socket } from 'node:net';

/** What Node's sockets have no public way to. A TLS socket has its TCP connection as the parent of its handle. */
type Handle = { reading: boolean; readStart(): void; readStop(): void; readonly writeQueueSize: number; readonly _parent?: Handle };

function handleOf(socket: Socket): Handle | null {
  return (socket as unknown as { _handle: Handle | null })._handle;
}

/**
 * Reads or pauses a connection. Node's HTTP/1.1 parser reads the handle itself, so pausing the socket would not stop
 * it.
 */
export function read(socket: Socket, isReading: boolean): void {
  const handle = handleOf(socket);
  if (handle === null || handle.reading === isReading) return;
  handle.reading = isReading;
  if (isReading) handle.readStart();
  else handle.readStop();
}

/** Pauses a connection once Node, which reads on after each piece, has done so. @returns reads it again */
export function pauseSoon(socket: Socket): () => void {
  const pausing = setImmediate(read, socket, false);
  return () => {
    clearImmediate(pausing);
    read(socket, true);
  };
}

/**
 * The bytes that were passed on to a connection, and that the kernel has not taken yet. One write of Node may carry all
 * answers that wait, so a socket's `writableLength` shows no progress until the last byte of them has left.
 */
export function unsentOf(socket: Socket): number {
  const handle = handleOf(socket);
  return handle?._parent?.writeQueueSize ?? handle?.writeQueueSize ?? 0;
}
