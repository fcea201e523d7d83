import type { DescEnum, DescEnumValue, DescField, DescFile, DescMessage, DescMethod, DescOneof, DescService } from '@bufbuild/protobuf';
import { messagesWithin } from '../kit/messages-within.ts';
import type { Finding } from './policy-errors.ts';

/** Properties that every JavaScript object has: a field of such a name would be read where it is absent. */
const inherited: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** What the code that is generated for messages takes from JavaScript by its plain name, types among it. */
const needed: ReadonlySet<string> = new Set('AsyncIterable BigInt Map Math Partial Promise ReadonlyArray Symbol Uint8Array'.split(' '));

/** What it declares itself, or imports by its plain name. */
const declared: ReadonlySet<string> = new Set([
  ...['BinaryReader', 'BinaryWriter', 'Builtin', 'DeepPartial', 'MessageFns', 'ServerStreamingMethodResult', 'Timestamp'],
  ...['base64FromBytes', 'bytesFromBase64', 'fromJsonTimestamp', 'fromTimestamp', 'isObject', 'isSet', 'isTime', 'protobufFileName'],
  ...['protobufPackage', 'toTimestamp', 'whole'],
]);

/** The names of an enum's values that it needs: the one for numbers without a name, and the prototype of an object. */
const ofEnums: ReadonlySet<string> = new Set(['UNRECOGNIZED', '__proto__']);

/**
 * Names that generated code cannot distinguish: methods that differ in the case of their first letter, fields that are
 * one property, types of a file that are one name, and names of what JavaScript or the generated code has itself.
 * Forwarded bytes are not affected.
 * @param services whose messages are read by screens, by core or by clients of screens
 */
export function collidingNames(services: Iterable<DescService>, isRead: (method: DescMethod) => boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const messages = new Set<DescMessage>();
  for (const service of services) {
    const read = service.methods.filter(isRead);
    if (read.length > 0) findings.push(...sameMethod(service));
    for (const { input, output } of read) for (const root of [input, output]) for (const message of messagesWithin(root)) messages.add(message);
  }
  const own = [...messages].filter(({ typeName }) => !typeName.startsWith('google.protobuf.'));
  for (const message of own) findings.push(...wrongProperties(message));
  for (const file of new Set(own.map((message) => message.file))) findings.push(...wrongTypes(file));
  return findings;
}

function sameMethod({ methods }: DescService): readonly Finding[] {
  const first = new Map<string, string>();
  return methods.flatMap((method) => {
    const local = method.name.slice(0, 1).toLowerCase() + method.name.slice(1);
    if (local === '__proto__')
      return [{ named: method, message: `the method ${method.name} is named like a property of every JavaScript object: give it another name.` }];
    const other = first.get(local);
    if (other === undefined) first.set(local, method.name);
    return other === undefined
      ? []
      : [{ named: method, message: `the methods ${other} and ${method.name} are one name in generated code: give one of them another.` }];
  });
}

/** What is made of a service stands beside the types of its file. */
function wrongTypes(file: DescFile): readonly Finding[] {
  const types: (DescMessage | DescEnum)[] = [...file.enums, ...file.messages];
  for (const type of types) if (type.kind === 'message') types.push(...type.nestedEnums, ...type.nestedMessages);
  const first = new Map<string, string>();
  for (const { name } of file.services) for (const what of ['Definition', 'Implementation', 'Client']) first.set(name + what, `the service ${name}`);
  return types.flatMap((type) => {
    const local = nameOfType(type);
    const values = type.kind === 'enum' ? type.values.filter(({ name }) => ofEnums.has(name)).map(wrongValue) : [];
    const whose = needed.has(local) ? 'JavaScript' : declared.has(local) ? 'generated code' : undefined;
    if (whose !== undefined)
      return [...values, { named: type, message: `the type ${type.name} is named like a part of ${whose}: give it another name.` }];
    const other = first.get(local);
    if (other === undefined) first.set(local, type.typeName);
    return other === undefined
      ? values
      : [...values, { named: type, message: `${other} and ${type.typeName} are one name in generated code: give one of them another.` }];
  });
}

function wrongValue(value: DescEnumValue): Finding {
  return { named: value, message: `the value ${value.name} is named like a part of generated code: give it another name.` };
}

/** As ts-proto names it (visit.ts). */
function nameOfType({ name, parent }: DescMessage | DescEnum): string {
  const local = propertyOf(name);
  return parent === undefined ? local : `${nameOfType(parent)}_${local}`;
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
