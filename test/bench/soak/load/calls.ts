// Unary calls over a few connections, which are closed and opened anew all the time.
import { GetHomeResponse } from '../../../../src/gen/app/v1/home.ts';
import { CancelOrderRequest, CancelOrderResponse } from '../../../../src/gen/app/v1/order.ts';
import { openClient } from '../../client.ts';
import { uncachedRequest } from '../../home-calls.ts';
import { frameOf } from '../../load.ts';
import { type LoadParts, pick } from './parts.ts';
import { steadily } from './steadily.ts';
import { tryAgain } from './try-again.ts';

const [cachedPerSecond, uncachedPerSecond, forwardedPerSecond] = [300, 40, 20];
const connections = 8;
const replacedEveryMs = 5_000;
export const orders = 200;
/** Before each further try, as apps do (docs/mobile/errors-and-retries.md). */
const pausesMs = [1_000, 2_000];

export async function callSteadily(parts: LoadParts): Promise<void> {
  const { port, ca, tokens, scale } = parts;
  const lane = async (
    kind: string,
    perSecond: number,
    frame: () => Buffer,
    more: Readonly<Record<string, string>>,
    check: (answer: Uint8Array) => boolean,
  ) => {
    const clients = Array.from({ length: connections }, () => openClient(port, ca, Buffer.alloc(0), more));
    let next = 0;
    const replacing = setInterval(() => {
      const at = next++ % connections;
      clients[at]?.close(); // after the calls that it makes
      clients[at] = openClient(port, ca, Buffer.alloc(0), more);
      parts.counts.done('connections of calls');
    }, replacedEveryMs);
    const call = async () => {
      const answer = await tryAgain('calls', pausesMs, parts.counts, () => pick(clients).call(pick(tokens), frame()));
      if (!check(answer)) throw new Error('an answer is not whole');
    };
    await steadily(kind, perSecond * scale, parts, call);
    clearInterval(replacing);
    for (const client of clients) client.close();
  };
  const isHome = (answer: Uint8Array) => GetHomeResponse.decode(answer).profile !== undefined;
  const cancel = { ':path': '/app.v1.OrderService/CancelOrder' };
  const cancelFrame = () => frameOf(CancelOrderRequest.encode({ orderId: String(Math.floor(Math.random() * orders)) }).finish());
  const [cachedFrame, uncachedFrame] = [frameOf(new Uint8Array()), frameOf(uncachedRequest)];
  await Promise.all([
    lane('cached calls', cachedPerSecond, () => cachedFrame, {}, isHome),
    lane('uncached calls', uncachedPerSecond, () => uncachedFrame, {}, isHome),
    lane('forwarded calls', forwardedPerSecond, cancelFrame, cancel, (answer) => CancelOrderResponse.decode(answer).order !== undefined),
  ]);
}
