// What every server of a comparison has in common: the same certificate, the same answer, one line when ready.
import { readFileSync } from 'node:fs';

/** Handed over by the benchmark in the environment. */
export const given = {
  key: () => readFileSync(variable('BENCH_TLS_KEY')),
  cert: () => readFileSync(variable('BENCH_TLS_CERT')),
  ca: () => readFileSync(variable('BENCH_TLS_CA')),
  /** The encoded answer of the home screen, as Portico gave it. */
  answer: () => new Uint8Array(readFileSync(variable('BENCH_ANSWER'))),
  /** The same as JSON, as Portico gave it. */
  json: () => readFileSync(variable('BENCH_JSON'), 'utf8'),
  /** "localhost:41234" by the name of the upstream. */
  upstreams: () => JSON.parse(variable('BENCH_UPSTREAMS')) as Readonly<Record<string, string>>,
  /** An internal token as Portico makes them. */
  internalToken: () => variable('BENCH_INTERNAL_TOKEN'),
  jwks: () => JSON.parse(readFileSync(variable('BENCH_JWKS'), 'utf8')) as { readonly keys: Readonly<Record<string, unknown>>[] },
};

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

export function ready(said: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(said));
}
