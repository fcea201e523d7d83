// A client that looks at what it gets: h2load does not.
import { connect, constants } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { GetHomeResponse } from '../../src/gen/app/v1/home.ts';
import { ListPromotionsResponse } from '../../src/gen/app/v1/promotion.ts';

export type Client = {
  /** @param frame another request than that of the client @returns the answer's message. @throws Error for any other status than OK, and for an answer without all its parts */
  call(token: string, frame?: Buffer): Promise<Uint8Array>;
  close(): void;
};

export const path = '/app.v1.HomeService/GetHome';
/** What clients send with every call. */
export const clientHeaders = {
  'content-type': 'application/grpc',
  te: 'trailers',
  'user-agent': 'grpc-java-okhttp/1.76.0',
  'accept-language': 'en-GB,en;q=0.9',
  'app-platform': 'android',
  'app-version': '4.2.0',
} as const;

/**
 * One HTTP/2 connection over TLS. @param frame the request: prefix and message. @param more what differs from a call of
 * GetHome
 */
export function openClient(port: number, ca: Buffer, frame: Buffer, more: Readonly<Record<string, string>> = {}): Client {
  const session = connect(`https://localhost:${port}`, { ca });
  session.on('error', () => {}); // its streams tell
  return {
    call: (token, own = frame) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':method': 'POST', ':path': path, ...clientHeaders, authorization: `Bearer ${token}`, ...more });
        const chunks: Buffer[] = [];
        let status: unknown;
        stream.on('response', (headers) => {
          status = headers['grpc-status'];
        });
        stream.on('trailers', (trailers) => {
          status = trailers['grpc-status'];
        });
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', reject);
        stream.on('close', () => {
          const body = Buffer.concat(chunks);
          if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || status !== '0') reject(new Error(`a call ended with status ${status}`));
          else if (body.length < 5 || body.readUInt32BE(1) !== body.length - 5) reject(new Error('a body is not one frame'));
          else resolve(body.subarray(5));
        });
        stream.end(own);
      }),
    close: () => session.close(),
  };
}

/** @throws Error unless it is a whole home screen */
export function checkHome(message: Uint8Array): GetHomeResponse {
  const home = GetHomeResponse.decode(message);
  const whole =
    home.profile?.displayName === 'Alice Marlow' &&
    home.orders?.orders.length === 4 &&
    home.couriers?.names.length === 5 &&
    home.offers?.promotions.length === 6 &&
    home.missingParts.length === 0;
  if (!whole)
    throw new Error(
      `An answer is not the whole home screen: ${JSON.stringify(home, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
  return home;
}

export type Request = { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** One call on a connection of its own. @returns also the trailers */
export async function ask(
  port: number,
  ca: Buffer,
  { path: target, headers, body }: Request,
): Promise<{ headers: Record<string, unknown>; body: Buffer }> {
  const session = connect(`https://localhost:${port}`, { ca });
  session.on('error', () => {}); // its stream tells, and after the answer nobody waits for it
  try {
    const stream = session.request({ ':method': 'POST', ':path': target, ...headers });
    const received = {};
    for (const event of ['response', 'trailers']) stream.on(event, (some) => Object.assign(received, some));
    stream.end(body);
    return { headers: received, body: await buffer(stream) };
  } finally {
    session.close();
  }
}

/** @throws Error unless it is a whole home screen */
export function checkHomeJson(home: unknown): void {
  checkHome(GetHomeResponse.encode(GetHomeResponse.fromJSON(home)).finish());
}

/** @throws Error unless all six offers are there */
export function checkOffers(message: Uint8Array): void {
  const { promotions } = ListPromotionsResponse.decode(message);
  if (promotions.length !== 6 || promotions.some(({ title }) => title === '')) throw new Error('An answer does not have all offers.');
}
