import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { experimental, status } from '@grpc/grpc-js';
import type { Clock } from '../kit/clock.ts';

/** Looks a name up: all addresses, in any order. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** How often names are looked up again: new pods get traffic within this, which grpc-js's own resolver gives only when a connection drops (grpc-node #2455). */
const pollMs = 15_000;
const scheme = 'portico-poll';

type Listener = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[1];
type Target = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[0];

/** @returns the target under which grpc-js asks our resolver for `address` ("host:port") */
export function pollingTarget(address: string): string {
  return `${scheme}:${address}`;
}

/** All addresses that the system's resolver knows, /etc/hosts included. */
export const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Makes grpc-js look names up again and again. Once per process: grpc-js keeps one resolver per scheme. */
export function registerPollingResolver(clock: Clock, look: Lookup = systemLookup): void {
  class PollingResolver {
    // States: idle (no timer), looking (a look-up under way), waiting (a timer), destroyed.
    private readonly host: string;
    private readonly port: number;
    private readonly listener: Listener;
    private cancel: (() => void) | undefined;
    private looking = false;
    private destroyed = false;
    constructor(target: Target, listener: Listener) {
      const parts = experimental.splitHostPort(target.path);
      this.host = parts?.host ?? target.path;
      this.port = parts?.port ?? 443;
      this.listener = listener;
    }
    updateResolution(): void {
      this.destroyed = false;
      if (!this.looking) void this.look();
    }
    destroy(): void {
      this.destroyed = true;
      this.cancel?.();
      this.cancel = undefined;
    }
    private async look(): Promise<void> {
      this.looking = true;
      this.cancel?.();
      try {
        const hosts = isIP(this.host) ? [this.host] : await look(this.host);
        if (this.destroyed) return;
        const endpoints = [...hosts].sort().map((host) => ({ addresses: [{ host, port: this.port }] }));
        if (endpoints.length === 0) throw new Error('no address');
        this.listener(experimental.statusOrFromValue(endpoints), {}, null, '');
      } catch (error) {
        if (this.destroyed) return;
        const details = `The name ${this.host} cannot be resolved: ${error instanceof Error ? error.message : error}`;
        this.listener(experimental.statusOrFromError({ code: status.UNAVAILABLE, details }), {}, null, '');
      } finally {
        this.looking = false;
        if (!this.destroyed && !isIP(this.host)) this.cancel = clock.after(pollMs, () => void this.look());
      }
    }
    static getDefaultAuthority(target: Target): string {
      return target.path;
    }
  }
  experimental.registerResolver(scheme, PollingResolver);
}
