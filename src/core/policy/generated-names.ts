import type { DescField, DescMessage, DescMethod, DescOneof, DescService } from '@bufbuild/protobuf';
import type { Finding } from './policy-errors.ts';
import { messagesWithin } from '../kit/messages-within.ts';

/** Properties that every JavaScript object has: a field of such a name would be read where it is absent. */
const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/**
 * Names that generated code cannot distinguish: methods that differ in the case of their first letter, fields that are
 * one property, and fields named like a property of every object. Forwarded bytes are not affected.
 * @param services whose messages are read by screens, by core or by clients of screens
 */
export function generatedNames(services: Iterable<DescService>, isRead: (method: DescMethod) => boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const messages = new Set<DescMessage>();
  for (const service of services) {
    const read = service.methods.filter(isRead);
    if (read.length > 0) findings.push(...sameMethod(service));
    for (const { input, output } of read) for (const root of [input, output]) for (const message of messagesWithin(root)) messages.add(message);
  }
  for (const message of messages) if (!message.typeName.startsWith('google.protobuf.')) findings.push(...wrongProperties(message));
  return findings;
}

function sameMethod({ methods }: DescService): readonly Finding[] {
  const first = new Map<string, string>();
  return methods.flatMap((method) => {
    const local = method.name.slice(0, 1).toLowerCase() + method.name.slice(1);
    const other = first.get(local);
    if (other === undefined) first.set(local, method.name);
    return other === undefined
      ? []
      : [{ named: method, message: `the methods ${other} and ${method.name} are one name in generated code: give one of them another.` }];
  });
}

/** A oneof is one property, its fields are cases of it. */
function wrongProperties({ fields, oneofs }: DescMessage): readonly Finding[] {
  const properties: (DescField | DescOneof)[] = [...fields.filter(({ oneof }) => oneof === undefined), ...oneofs];
  const first = new Map<string, string>();
  return properties.flatMap((property) => {
    const local = propertyOf(property.name);
    if (inherited.has(local))
      return [{ named: property, message: `the field ${property.name} is named like a property of every JavaScript object: give it another name.` }];
    const other = first.get(local);
    if (other === undefined) first.set(local, property.name);
    return other === undefined
      ? []
      : [{ named: property, message: `the fields ${other} and ${property.name} are one name in generated code: give one of them another.` }];
  });
}

/** As ts-proto names it (case.ts, `maybeSnakeToCamel`): a name without "_" stays as it is. */
function propertyOf(name: string): string {
  if (!name.includes('_')) return name;
  const words = name.split('_').map((word) => (/[a-z]/.test(name) ? word : word.toLowerCase()));
  return words.map((word, i) => (i === 0 ? word : word.slice(0, 1).toUpperCase() + word.slice(1))).join('');
}
