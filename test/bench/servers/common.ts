// What every server of a comparison has in common: the same certificate, the same answer, one line when ready, a collection on SIGUSR2.
import { readFileSync } from 'node:fs';

/** Handed over by the benchmark in the environment. */
export const given = {
  key: () => readFileSync(variable('BENCH_TLS_KEY')),
  cert: () => readFileSync(variable('BENCH_TLS_CERT')),
  /** The encoded answer of the home screen, as Portico gave it. */
  answer: () => new Uint8Array(readFileSync(variable('BENCH_ANSWER'))),
  upstreams: () => JSON.parse(variable('BENCH_UPSTREAMS')) as Record<string, string>,
  jwks: () => JSON.parse(readFileSync(variable('BENCH_JWKS'), 'utf8')) as { keys: Record<string, unknown>[] },
};

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

export function ready(port: number): void {
  process.on('SIGUSR2', () => (globalThis as { gc?: () => void }).gc?.());
  console.log(JSON.stringify({ port }));
}
