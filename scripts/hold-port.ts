// A TCP port for a server that wants a number, held from the moment it is chosen until this process ends.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that a kernel gives by itself to a process that binds 0 or connects: Linux has 32768 to 60999
 * (net.ipv4.ip_local_port_range), others 49152 and up. So nobody takes one by chance, even while its server is being
 * restarted.
 */
const [first, count] = [16_384, 15_616];

let next = process.pid * 31;

/**
 * Holds a port of 127.0.0.1. The UDP port of the same number is the sign that it is taken: the kernel gives that to one
 * process alone, and takes it back when that ends, however.
 * @returns a TCP port without a listener, which no other process gets until this one ends
 */
export async function holdPort(): Promise<number> {
  for (let tried = 0; tried < count; tried++) {
    const port = first + (next++ % count);
    if ((await holds(port)) && (await isFree(port))) return port;
  }
  throw new Error(`All TCP ports from ${first} to ${first + count - 1} are taken.`);
}

async function holds(port: number): Promise<boolean> {
  const sign = createSocket('udp4');
  try {
    sign.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(sign, 'listening');
    sign.unref();
    return true;
  } catch {
    sign.close();
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
