// The client of `storms` that makes unary calls, one after the other, on a thread of its own.
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { GetOrderRequest } from '../../../src/gen/app/v1/order.ts';
import type { Probed } from '../../live/crowd/probe-main.ts';
import { frameOf } from '../load.ts';

export type Probe = {
  /** Of the calls since it was last asked. */
  probed(): Promise<Probed>;
  close(): Promise<void>;
};

export function openProbe({ port, ca, token }: { readonly port: number; readonly ca: Buffer; readonly token: string }): Probe {
  const worker = new Worker(resolve('test/live/crowd/probe-main.ts'), {
    workerData: {
      url: `https://localhost:${port}`,
      ca: ca.toString(),
      token,
      calls: [{ path: '/app.v1.OrderService/GetOrder', body: frameOf(GetOrderRequest.encode({ orderId: 'probe' }).finish()) }],
      isFirst: process.getuid?.() === 0, // it waits for the server then, and not for other clients
    },
  });
  return {
    probed: async () => {
      const answer = once(worker, 'message');
      worker.postMessage('report');
      return (await answer)[0] as Probed;
    },
    close: async () => {
      worker.postMessage('stop');
      await once(worker, 'exit');
    },
  };
}
