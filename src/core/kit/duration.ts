const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @returns milliseconds of a duration like "800ms", "1.5s", "5m", "1h"; undefined when it is not one */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN));
}

/** @returns the duration in the largest unit that gives a whole number: "800ms", "30s", "5m", "1h" */
export function durationText(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const of = units[unit] ?? 1;
    if (ms >= of && ms % of === 0) return `${ms / of}${unit}`;
  }
  return `${ms}ms`;
}
