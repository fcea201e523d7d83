/**
 * Waits until something has come true, for at most `mostMs`: on a busy machine it takes seconds.
 * @throws Error saying what did not come true
 */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, mostMs = 30_000): Promise<void> {
  const endMs = performance.now() + mostMs;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`It did not come true within ${mostMs} ms: ${what}`);
    await new Promise((again) => setTimeout(again, 5));
  }
}

/** Waits until a number has stayed the same for `quietMs`. @returns it */
export async function settled(value: () => number, quietMs = 300): Promise<number> {
  let last = value();
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < quietMs) {
    await new Promise((again) => setTimeout(again, 10));
    if (value() === last) continue;
    last = value();
    sinceMs = performance.now();
  }
  return last;
}
