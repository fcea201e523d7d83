// What the foreign suites complain of and we know of, each with its reason: any other complaint fails the run, and so does one that is not made any more.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Deviation = {
  /** Why it is so, and what would end it. */
  readonly reason: string;
  /** Names of cases, of parts joined by "/": "*" is one part, "**" any number of them. All that match must complain. Unset: any case may, and one must. */
  readonly cases?: readonly string[];
  /** What is complained of: a regular expression. Unset: anything. */
  readonly complaint?: string;
  /** Of a race: the cases need not complain every time. */
  readonly sometimes?: boolean;
};

/** By the name of a case that ran: its complaints; none when it passed. */
export type Outcomes = ReadonlyMap<string, readonly string[]>;

/** @param name of a file in the folder `deviations` */
export function readDeviations(name: string): readonly Deviation[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'deviations', name), 'utf8')) as readonly Deviation[];
}

/** @returns what differs between the outcomes and what is known: empty when nothing does */
export function differences(outcomes: Outcomes, known: readonly Deviation[]): readonly string[] {
  const entries = known.map((deviation) => {
    const cases = deviation.cases?.map((pattern) => ({ pattern, test: testOf(pattern) }));
    const complaint = new RegExp(deviation.complaint ?? '', 's');
    return {
      ...deviation,
      cases,
      explains: (name: string, text: string) => complaint.test(text) && (cases?.some(({ test }) => test(name)) ?? true),
    };
  });
  const found: string[] = [];
  for (const [name, complaints] of outcomes) {
    const others = complaints.filter((text) => !entries.some(({ explains }) => explains(name, text)));
    if (others.length > 0) found.push(`${name}:\n${others.map((text) => `    ${text}`).join('\n')}`);
  }
  for (const { reason, cases, complaint, explains, sometimes } of entries) {
    const names = [...outcomes.keys()];
    const explained = (name: string) => outcomes.get(name)?.some((text) => explains(name, text)) === true;
    const what = complaint === undefined ? '' : ` of "${complaint}"`;
    if (cases === undefined && sometimes !== true && !names.some(explained))
      found.push(`No case complains${what} any more: "${reason}" is to be taken out.`);
    for (const { pattern, test } of cases ?? []) {
      const matching = names.filter(test);
      if (matching.length === 0) found.push(`No case is called ${pattern}.`);
      const passed = sometimes === true ? [] : matching.filter((name) => !explained(name));
      if (passed.length > 0)
        found.push(`Of the ${matching.length} cases of ${pattern}, ${passed.length} do not complain${what} any more, such as ${passed[0]}.`);
    }
  }
  return found;
}

function testOf(pattern: string): (name: string) => boolean {
  const literal = (text: string) => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
  const parts = pattern.split('/').map((part) => (part === '**' ? '(?:[^/]+/)*' : `${part.split('*').map(literal).join('[^/]*')}/`));
  const regExp = new RegExp(`^${parts.join('')}$`);
  return (name) => regExp.test(`${name}/`);
}
