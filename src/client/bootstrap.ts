import { never } from '../core/kit/ending.ts';
import { BootstrapServiceDefinition, GetBootstrapRequest, GetBootstrapResponse } from '../gen/portico/v1/bootstrap.ts';
import { asCallError } from './call-error.ts';
import type { ClientTransport, Headers } from './transport.ts';

/** What an app asks for at its start, before anyone is signed in. */
export type Bootstrap = {
  /**
   * Whether this version of the app is supported, whether the service can be used, and the feature flags.
   * An answer that has not changed is the one before, without `serverTime`.
   * @throws CallError: go on with the answer of the last start
   */
  get(signal?: AbortSignal): Promise<GetBootstrapResponse>;
};

const timeoutMs = 5_000;

/** @param headers with `app-platform` and `app-version`, which the answer depends on */
export function openBootstrap(transport: Pick<ClientTransport, 'unary'>, headers: Headers): Bootstrap {
  let known: { readonly etag: string; readonly answer: GetBootstrapResponse } | undefined;
  const path = `${BootstrapServiceDefinition.fullName}/${BootstrapServiceDefinition.methods.getBootstrap.name}`;
  return {
    get: async (signal = never) => {
      const request = GetBootstrapRequest.encode({}).finish();
      try {
        const conditional: Headers = known === undefined ? headers : { ...headers, 'if-none-match': known.etag };
        const { message, headers: received } = await transport.unary(path, request, { headers: conditional, timeoutMs, signal });
        if (received['portico-not-modified'] === '1' && known !== undefined) return { ...known.answer, serverTime: undefined };
        const answer = GetBootstrapResponse.decode(message);
        known = received.etag === undefined ? undefined : { etag: received.etag, answer };
        return answer;
      } catch (error) {
        throw asCallError(error);
      }
    },
  };
}
