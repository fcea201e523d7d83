import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Replaces what ts-proto writes inexactly, in all generated files of a folder. @throws Error when it writes them otherwise now */
export function keepExact(folder: string): void {
  keepAllKeys(join(folder, 'google/protobuf/struct.ts'));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    keepWholeTimes(join(folder, name));
    keepMinusZero(join(folder, name));
  }
}

/** ts-proto makes a google.protobuf.Struct an object literal, in which a key `__proto__` is lost: the object is to have no prototype. */
function keepAllKeys(file: string): void {
  if (!existsSync(file)) return;
  const literal = 'const object: { [key: string]: any } = {};';
  replaceIn(file, readFileSync(file, 'utf8'), literal, literal.replace('{}', 'globalThis.Object.create(null)'));
}

/**
 * ts-proto makes a google.protobuf.Timestamp a Date. That has whole milliseconds, and a time before 1970 gets negative
 * nanos, which is no Timestamp. The nanos stand beside the Date, for as long as it has the time that it came with.
 */
function keepWholeTimes(file: string): void {
  const text = readFileSync(file, 'utf8');
  if (!text.includes('function fromTimestamp(')) return;
  replaceIn(file, text, tsProtoTimes, wholeTimes);
}

/** ts-proto does not write -0, which is no default: a double or float is absent only when it is 0. */
function keepMinusZero(file: string): void {
  const text = readFileSync(file, 'utf8');
  const kept = text.replace(/if \((message\.\w+) !== 0\)( \{\n +writer\.uint32\(\d+\)\.(?:double|float)\()/g, 'if (!globalThis.Object.is($1, 0))$2');
  if (kept !== text) writeFileSync(file, kept);
}

function replaceIn(file: string, text: string, found: string, wanted: string): void {
  if (!text.includes(found)) throw new Error(`${file} is not written as it was: look how ts-proto writes it now.`);
  writeFileSync(file, text.replaceAll(found, wanted));
}

const tsProtoTimes = `function toTimestamp(date: Date): Timestamp {
  const seconds = BigInt(Math.trunc(date.getTime() / 1_000));
  const nanos = (date.getTime() % 1_000) * 1_000_000;
  return { seconds, nanos };
}

function fromTimestamp(t: Timestamp): Date {
  let millis = (globalThis.Number(t.seconds.toString()) || 0) * 1_000;
  millis += (t.nanos || 0) / 1_000_000;
  return new globalThis.Date(millis);
}
`;

/** A google.protobuf.Timestamp is of the years 1 to 9999. */
const wholeTimes = `const whole = globalThis.Symbol.for("portico.nanos");

function toTimestamp(date: Date): Timestamp {
  const millis = date.getTime();
  const seconds = globalThis.Math.floor(millis / 1_000);
  const kept = (date as any)[whole];
  const nanos = kept?.millis === millis ? kept.nanos : (millis - seconds * 1_000) * 1_000_000;
  if (!isTime(seconds, nanos)) throw new globalThis.RangeError("The Date is no google.protobuf.Timestamp.");
  return { seconds: BigInt(seconds), nanos };
}

function fromTimestamp({ seconds, nanos }: Timestamp): Date {
  if (!isTime(globalThis.Number(seconds), nanos)) throw new globalThis.RangeError("The google.protobuf.Timestamp is no time.");
  const millis = globalThis.Number(seconds) * 1_000 + globalThis.Math.floor(nanos / 1_000_000);
  const date = new globalThis.Date(millis);
  if (nanos % 1_000_000 !== 0) globalThis.Object.defineProperty(date, whole, { value: { millis, nanos } });
  return date;
}

function isTime(seconds: number, nanos: number): boolean {
  return seconds >= -62_135_596_800 && seconds <= 253_402_300_799 && nanos >= 0 && nanos <= 999_999_999;
}
`;
