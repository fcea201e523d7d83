import type { DescField, DescMessage } from '@bufbuild/protobuf';
import type { Policy } from '../../gen/portico/v1/policy.ts';

type PathIn<T> = {
  readonly [K in keyof T & string]:
    | K
    | (NonNullable<T[K]> extends readonly unknown[]
        ? `${K}[${number}]`
        : NonNullable<T[K]> extends object
          ? `${K}.${PathIn<NonNullable<T[K]>>}`
          : never);
}[keyof T & string];

/**
 * A position in a policy by the names of its fields, such as "cache", "cache.staleIfError" or "cache.tags[3]"; "" is
 * the policy itself.
 */
export type PolicyPath = '' | PathIn<Policy>;

/** A position in a policy by the numbers of its fields, and the indexes of lists. */
export type Numbers = readonly number[];

/**
 * The numbers of a path, by the descriptor of portico.v1.Policy.
 * @throws Error when the descriptor has no such field: the release was not generated from its policy.proto
 */
export function numbersOf(policy: DescMessage, path: PolicyPath): Numbers {
  let message: DescMessage | undefined = policy;
  return path.split(/[.[]/).flatMap((part) => {
    if (part === '') return [];
    if (/^\d+\]$/.test(part)) return [Number.parseInt(part, 10)];
    const field: DescField | undefined = message?.fields.find(({ localName }) => localName === part);
    if (field === undefined) throw new Error(`portico.v1.Policy has no field ${path}: run \`npm run generate\`.`);
    message = field.fieldKind === 'message' ? field.message : undefined;
    return [field.number];
  });
}

/**
 * The field that the numbers lead to; undefined: they lead to the policy itself, to an entry of a list, or to a field
 * that it has not.
 */
export function fieldOf(policy: DescMessage, numbers: Numbers): DescField | undefined {
  let field: DescField | undefined;
  let message: DescMessage | undefined = policy;
  for (const number of numbers) {
    field = message?.fields.find((candidate) => candidate.number === number);
    message = field?.fieldKind === 'message' ? field.message : undefined;
  }
  return field;
}
