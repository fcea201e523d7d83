import type { LoadParts } from './parts.ts';
import { steadily } from './steadily.ts';

/** A client with a stream: opened, closed with or without a goodbye, and opened again where it was. */
export type Returning = {
  open(): Promise<unknown>;
  close(): void;
  /** As a lost network: without a goodbye of TLS or HTTP/2. */
  cut(): void;
};

const atOnce = 20;

/** Opens all of them, a few at a time. */
export async function openAll(kind: string, clients: readonly Returning[], { counts, signal }: Pick<LoadParts, 'counts' | 'signal'>): Promise<void> {
  const queue = [...clients];
  const lane = async () => {
    for (let client = queue.shift(); client !== undefined && !signal.aborted; client = queue.shift())
      await client.open().catch((error) => counts.failed(`${kind} that come`, error));
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Lets some go and return in every second, until the signal. @returns when all are closed */
export async function churn(kind: string, clients: readonly Returning[], { perSecond, ...parts }: LoadParts & { perSecond: number }): Promise<void> {
  let next = 0;
  await steadily(`${kind} that returned`, perSecond * parts.scale, parts, async () => {
    const client = clients[next++ % clients.length];
    if (Math.random() < 0.5) client?.close();
    else client?.cut();
    await client?.open();
  });
  for (const client of clients) client.close();
}
