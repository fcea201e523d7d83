import cluster from 'node:cluster';

/** What a worker has, once it listens. */
export type Listening = {
  /** Of its own admin listener, on loopback. */
  readonly adminPort: number;
  /** Ready to be printed. */
  readonly banner: unknown;
};

/** A message of a worker to the primary process. */
export type OfWorker = { readonly kind: 'listening'; readonly listening: Listening };
/** A message of the primary process to a worker. */
export type OfPrimary =
  /** Begin, with the keys of TLS session tickets that all workers share: 48 bytes in base64. */
  { readonly kind: 'begin'; readonly ticketKeys: string } | { readonly kind: 'drain'; readonly why: string } | { readonly kind: 'end' };

/** The primary process, as one of its workers sees it. */
export type PrimaryLink = {
  readonly ticketKeys: Promise<Buffer>;
  listening(listening: Listening): void;
  /** @param onDrain called once @param onEnd called when nothing is waited for any more */
  onStop(onDrain: (why: string) => void, onEnd: () => void): void;
};

/**
 * Undefined: this process is no worker. Signals are the primary's: a terminal sends them to all processes, and a worker
 * would take the primary's message for the second one. When the primary dies, node:cluster ends its workers.
 */
export function primaryLink(): PrimaryLink | undefined {
  if (!cluster.isWorker) return undefined;
  const begun = Promise.withResolvers<Buffer>();
  let stop: { readonly onDrain: (why: string) => void; readonly onEnd: () => void } | undefined;
  /** Asked for while the server still started. */
  let drainAsked: string | undefined;
  process.on('message', (message: OfPrimary) => {
    if (message.kind === 'begin') {
      begun.resolve(Buffer.from(message.ticketKeys, 'base64'));
      process.channel?.unref(); // from now on the listeners keep the process
    }
    if (message.kind === 'drain' && stop === undefined) drainAsked = message.why;
    else if (message.kind === 'drain') stop?.onDrain(message.why);
    else if (message.kind === 'end') stop?.onEnd();
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {});
  return {
    ticketKeys: begun.promise,
    listening: (listening) => void process.send?.({ kind: 'listening', listening } satisfies OfWorker),
    onStop: (onDrain, onEnd) => {
      stop = { onDrain, onEnd };
      if (drainAsked !== undefined) onDrain(drainAsked);
    },
  };
}
