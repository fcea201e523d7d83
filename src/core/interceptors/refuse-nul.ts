import { type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Violation } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/method-plan.ts';

/**
 * Whether the strings of a method's requests may contain U+0000. Those of core's own services may not: PostgreSQL's
 * text cannot store it, and one rule for all fields also covers new ones. For screens and internal services it is an
 * ordinary character.
 */
export function refusesNul({ method }: MethodPlan): boolean {
  return method.startsWith('portico.');
}

/** @returns a violation for every string with U+0000. The sender of the violation cuts quoted texts. */
export function nulViolations(type: DescMessage, message: Message, bytes: Uint8Array): readonly Violation[] {
  if (!bytes.includes(0)) return []; // the encoding of such a string contains this byte
  const fields: string[] = [];
  collect(reflect(type, message), '', fields);
  return fields.map((field) => ({ field, rule: 'string.no_nul', description: 'must not contain the character U+0000' }));
}

function collect(message: ReflectMessage, before: string, into: string[]): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = before + field.name;
    if (field.fieldKind === 'list') for (const [i, item] of [...message.get(field)].entries()) look(item, `${path}[${i}]`, into);
    else if (field.fieldKind === 'map')
      for (const [key, item] of message.get(field)) {
        const entry = `${path}[${typeof key === 'string' ? JSON.stringify(key) : String(key)}]`;
        if (field.mapKey === ScalarType.STRING) look(key, entry, into);
        look(item, entry, into);
      }
    else look(message.get(field), path, into);
  }
}

function look(value: unknown, path: string, into: string[]): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) into.push(path);
  } else if (isReflectMessage(value)) collect(value, `${path}.`, into);
}
