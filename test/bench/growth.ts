// Does memory grow with the number of calls? Many users, each with a token and a cache key of their own, again and again, every answer looked at.
import { checkHome, openClient } from './client.ts';
import type { Harness } from './harness.ts';
import { frameOf, h2load, type Load } from './load.ts';
import type { Measured } from './process.ts';

export type Growth = {
  readonly users: number;
  readonly calls: readonly [number, number];
  readonly rssBytes: readonly [number, number];
  readonly wrong: number;
};

/** @param calls after how many calls the resident set is measured, each time after a garbage collection */
export async function growth(
  harness: Harness,
  { users, calls }: { readonly users: number; readonly calls: readonly [number, number] },
): Promise<Growth> {
  const tokens: string[] = [];
  for (let user = 0; user < users; user++) tokens.push(await harness.token(`user-${user}`));
  const clients = Array.from({ length: 8 }, () => openClient(harness.port, harness.ca, frameOf(new Uint8Array())));
  let made = 0;
  let wrong = 0;
  const upTo = async (end: number) => {
    const worker = async (lane: number) => {
      const client = clients[lane % clients.length];
      while (made < end) {
        const n = made++;
        try {
          const message = await client?.call(tokens[n % users] ?? '');
          if (message === undefined || message.length < 1_000) wrong++;
          if (n % 1_000 === 0 && message !== undefined) checkHome(message);
        } catch {
          wrong++;
        }
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, lane) => worker(lane)));
    return harness.portico.rssAfterGc();
  };
  const rssBytes = [await upTo(calls[0]), await upTo(calls[1])] as const;
  for (const client of clients) client.close();
  return { users, calls, rssBytes, wrong };
}

/**
 * The resident set of a server after so many calls of one user and a garbage collection: bytes. @throws Error when a
 * call was not good
 */
export async function rssAfter(
  { server, load }: { readonly server: Measured; readonly load: Load },
  { calls, loadCore }: { readonly calls: number; readonly loadCore: number },
): Promise<number> {
  const good = await h2load(loadCore, calls, load);
  if (good !== calls) throw new Error(`${load.url}: only ${good} of ${calls} calls were good.`);
  return server.rssAfterGc();
}
