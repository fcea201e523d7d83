// The part of PromQL that the dashboards use, over scraped pages: selectors, rate and increase, aggregations, quantiles
// of histograms, and arithmetic between equal labels. Anything else is refused, and never drawn wrongly.

/** What one scrape has found. `key` is the name with its labels. */
export type Page = { readonly atSeconds: number; readonly samples: readonly Sample[] };
type Sample = { readonly name: string; readonly labels: Labels; readonly key: string; readonly value: number };
type Labels = Readonly<Record<string, string>>;
type Value = { readonly labels: Labels; readonly value: number };
/** Values at the page of a number. */
type Query = (at: number) => readonly Value[];

/** Reads Prometheus' text format 0.0.4. */
export function pageOf(text: string, atSeconds: number): Page {
  const samples = text.split('\n').flatMap((line): Sample[] => {
    const [, name = '', inner = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return value === undefined
      ? []
      : [{ name, labels: { ...labelsOf(inner), instance: 'portico-0' }, key: line.slice(0, line.lastIndexOf(' ')), value: Number(value) }];
  });
  return { atSeconds, samples };
}

function labelsOf(inner: string): Labels {
  return Object.fromEntries([...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [name, value]));
}

/** @throws Error for a query that uses more of the language than this knows */
export function queryOf(text: string, pages: readonly Page[]): Query {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|\$?[a-zA-Z_][\w:]*|[\d.]+|=~|!=|[(){}[\],=/\-*+]/g) ?? [];
  let next = 0;
  const peek = () => tokens[next];
  const take = (expected?: string): string => {
    const token = tokens[next++];
    if (token === undefined || (expected !== undefined && token !== expected)) throw new Error(`${text}: ${expected ?? 'more'} is missing`);
    return token;
  };
  const list = (): readonly string[] => {
    const names: string[] = [];
    for (take('('); peek() !== ')'; ) {
      const name = take();
      if (name !== ',') names.push(name);
    }
    take(')');
    return names;
  };
  const selector = (): ((page: Page | undefined) => readonly Sample[]) => {
    const name = take();
    const tests: ((labels: Labels) => boolean)[] = [];
    if (peek() === '{') {
      for (take('{'); peek() !== '}'; ) {
        const [label, operator, value] = [take(), take(), JSON.parse(take()) as string];
        if (peek() === ',') take();
        if (value.startsWith('$')) continue; // a variable of which all is chosen
        const pattern = new RegExp(`^(?:${value})$`);
        tests.push((labels) => {
          const actual = labels[label] ?? '';
          return operator === '=~' ? pattern.test(actual) : (actual === value) === (operator === '=');
        });
      }
      take('}');
    }
    return (page) => page?.samples.filter((sample) => sample.name === name && tests.every((holds) => holds(sample.labels))) ?? [];
  };
  /** Between two pages, as a counter that never starts anew. */
  const growth = (perSecond: boolean): Query => {
    take('(');
    const of = selector();
    for (const token of ['[', '$__rate_interval', ']', ')']) take(token);
    return (at) => {
      const [now, last] = [pages[at], pages[at - 1]];
      if (now === undefined || last === undefined) return [];
      const before = new Map(of(last).map(({ key, value }) => [key, value]));
      const seconds = perSecond ? now.atSeconds - last.atSeconds : 1;
      return of(now).map(({ labels, key, value }) => ({ labels, value: (value - (before.get(key) ?? 0)) / seconds }));
    };
  };
  const operand = (): Query => {
    const word = peek() ?? '';
    if (word === 'rate' || word === 'increase') {
      take();
      return growth(word === 'rate');
    }
    const fold = folds[word];
    if (fold !== undefined) {
      take();
      const isGrouped = peek() === 'by';
      if (isGrouped) take();
      const by = isGrouped ? list() : [];
      take('(');
      const of = expression();
      take(')');
      return (at) => folded(of(at), by, fold);
    }
    if (word === 'topk' || word === 'histogram_quantile') {
      take();
      take('(');
      const number = Number(take());
      take(',');
      const of = expression();
      take(')');
      return (at) => (word === 'topk' ? [...of(at)].sort((a, b) => b.value - a.value).slice(0, number) : quantiles(of(at), number));
    }
    if (word === 'time') {
      for (const token of ['time', '(', ')']) take(token);
      return (at) => [{ labels: {}, value: pages[at]?.atSeconds ?? Number.NaN }];
    }
    if (word === '(') {
      take();
      const inner = expression();
      take(')');
      return inner;
    }
    const of = selector();
    return (at) => of(pages[at]);
  };
  const expression = (): Query => {
    let left = operand();
    while (peek() === '/' || peek() === '-') left = between(left, take(), operand());
    return left;
  };
  const whole = expression();
  if (peek() !== undefined) throw new Error(`${text}: "${peek()}" is not known here`);
  return whole;
}

const folds: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
};

function folded(values: readonly Value[], by: readonly string[], fold: (values: readonly number[]) => number): readonly Value[] {
  const groups = Map.groupBy(values, ({ labels }) => JSON.stringify(by.map((name) => labels[name] ?? '')));
  return [...groups.values()].map((group) => ({
    labels: Object.fromEntries(by.flatMap((name) => (group[0]?.labels[name] === undefined ? [] : [[name, group[0].labels[name]]]))),
    value: fold(group.map(({ value }) => value)),
  }));
}

/** Operands with the same labels; `time()` goes with all. */
function between(left: Query, operator: string, right: Query): Query {
  const keyOf = ({ labels }: Value) => JSON.stringify(Object.entries(labels).sort());
  return (at) => {
    const others = new Map(right(at).map((value) => [keyOf(value), value.value]));
    const time = others.get('[]');
    return left(at).flatMap((value) => {
      const other = others.get(keyOf(value)) ?? (operator === '-' ? time : undefined);
      return other === undefined ? [] : [{ labels: value.labels, value: operator === '/' ? value.value / other : value.value - other }];
    });
  };
}

/** By linear interpolation in the bucket, as Prometheus does. */
function quantiles(values: readonly Value[], quantile: number): readonly Value[] {
  const without = ({ le: _, ...labels }: Labels) => labels;
  return [...Map.groupBy(values, ({ labels }) => JSON.stringify(without(labels))).values()].flatMap((group) => {
    const buckets = group.map(({ labels, value }) => ({ le: labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le), value }));
    buckets.sort((a, b) => a.le - b.le);
    const rank = quantile * (buckets.at(-1)?.value ?? 0);
    const i = buckets.findIndex(({ value }) => value >= rank);
    const [bucket, below] = [buckets[i], buckets[i - 1] ?? { le: 0, value: 0 }];
    if (rank === 0 || bucket === undefined) return [];
    const value = Number.isFinite(bucket.le) ? below.le + ((bucket.le - below.le) * (rank - below.value)) / (bucket.value - below.value) : below.le;
    return [{ labels: without(group[0]?.labels ?? {}), value }];
  });
}
