// The ways to ask for the home screen that `unary` compares, each with a check of its answer.
import { ask, checkHome, checkHomeJson, clientHeaders, openClient, path, type Request } from './client.ts';
import type { Harness } from './harness.ts';
import { frameOf } from './load.ts';

/**
 * Field 1000, varint 1: unknown to GetHomeRequest, so the cache neither stores nor joins the call, and each makes its
 * four upstream calls.
 */
export const uncachedRequest = new Uint8Array([0xc0, 0x3e, 0x01]);
/** All of the screen that its JSON has. */
const homeQuery = `{ home {
  profile { userId displayName city points memberSince }
  orders { orders { orderId status content recipient address weightGrams priceCents placedAt changedAt } }
  couriers { names pickupMinutes }
  offers { promotions { promotionId title text endsAt } }
  madeAt
} }`;

export type Kind = 'cached' | 'uncached' | 'refused' | 'json' | 'graphql';
/** @returns the body of the answer, of which status and content were looked at */
type Checked = Request & { readonly check: (port: number) => Promise<Uint8Array> };

/** The calls of a comparison, each with the check of its answer. */
export function callsOf({ ca }: Harness, token: string): Readonly<Record<Kind, Checked>> {
  const authorization = `Bearer ${token}`;
  const grpc = (message: Uint8Array): Checked => {
    const body = frameOf(message);
    const check = async (port: number) => {
      const client = openClient(port, ca, body);
      const answer = await client.call(token).finally(client.close);
      checkHome(answer);
      return answer;
    };
    return { path, headers: { ...clientHeaders, authorization }, body, check };
  };
  const json = (target: string, text: string, homeOf: (answer: unknown) => unknown): Checked => {
    const request = {
      path: target,
      headers: { ...clientHeaders, 'content-type': 'application/json', authorization },
      body: Buffer.from(text),
    };
    const check = async (port: number) => {
      const { headers, body } = await ask(port, ca, request);
      if (headers[':status'] !== 200) throw new Error(`A call was answered ${headers[':status']}: ${body}`);
      checkHomeJson(homeOf(JSON.parse(String(body))));
      return body;
    };
    return { ...request, check };
  };
  const refused = { path, headers: clientHeaders, body: frameOf(new Uint8Array()) };
  return {
    cached: grpc(new Uint8Array()),
    uncached: grpc(uncachedRequest),
    refused: {
      ...refused,
      check: async (port) => {
        const { headers, body } = await ask(port, ca, refused);
        if (headers['grpc-status'] !== '16' || body.length > 0) throw new Error(`A call without a token got the status ${headers['grpc-status']}.`);
        return body;
      },
    },
    json: json(path, '{}', (answer) => answer),
    graphql: json('/graphql', JSON.stringify({ query: homeQuery }), (answer) => (answer as { readonly data: { readonly home: unknown } }).data.home),
  };
}
