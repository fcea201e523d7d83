/** Metrics of which a sum would say nothing: by name, the one value that stands for all workers. */
const others: readonly (readonly [name: RegExp, of: (values: readonly number[]) => number])[] = [
  [/^target_info$/, ([first = 1]) => first],
  [/_up$|_not_after_seconds$/, (values) => Math.min(...values)],
  [/_ratio$|_delay_p\d+_seconds$|_age_seconds$/, (values) => Math.max(...values)],
  // a worker that is near its limit is not hidden by others: its heap and its limit are compared
  [/^v8js_memory_heap_(used|limit)_bytes$/, (values) => Math.max(...values)],
  // each worker has read the same in the database, or was given it
  [/^portico_(outbox_lag_seconds|erasures_open|chat_reports_waiting|maintenance)$/, (values) => Math.max(...values)],
];

/** One metric: its lines of help and type, and its values by series. */
type Family = { readonly head: string[]; readonly series: Map<string, number[]>; info?: string };

/**
 * The metrics of several processes as those of one, in Prometheus' text format: counters, histograms and sizes are
 * added, series by series.
 */
export function sumMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) {
    let name = '';
    for (const line of text.split('\n')) {
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1];
      if (head !== undefined) name = head;
      const family: Family = families.get(name) ?? { head: [], series: new Map() };
      families.set(name, family);
      if (head !== undefined) {
        if (!family.head.includes(line)) family.head.push(line);
        continue;
      }
      const at = line.lastIndexOf(' ');
      if (at < 0) continue;
      // the instance differs from worker to worker, and one of them has to do
      const series = name === 'target_info' ? name : line.slice(0, at);
      family.series.set(series, [...(family.series.get(series) ?? []), Number(line.slice(at + 1))]);
      if (name === 'target_info') family.info ??= line.slice(0, at);
    }
  }
  const lines = [...families].flatMap(([name, family]) => {
    const of = others.find(([pattern]) => pattern.test(name))?.[1] ?? sum;
    return [...family.head, ...[...family.series].map(([series, values]) => `${family.info ?? series} ${of(values)}`)];
  });
  return `${lines.join('\n')}\n`;
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);
