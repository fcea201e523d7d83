import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { didYouMean } from '../kit/nearest.ts';
import type { AccessPlan, Template } from '../kit/plan.ts';

/** Longest tag in bytes, and the only characters it may have: facts of the cache's design (CloudFront: 50 tags of 256; Akamai: 128 of 128). */
export const tagBytesMax = 256;
const printable = /^[!-~]+$/;

/** Whether `tag` can be a tag: 1 to 256 printable ASCII characters without spaces. */
export function isTag(tag: string): boolean {
  return tag.length <= tagBytesMax && printable.test(tag);
}

/**
 * Reads a template like "order:{order_id}": `{…}` names a field of the request by path, or a claim of the caller.
 * @param claims names that stand for claims of the caller
 * @returns the template, or what is wrong with it
 */
export function parseTemplate(source: string, request: DescMessage, claims: ReadonlySet<string>): Template | { readonly wrong: string } {
  if (source === '') return { wrong: 'A tag template is empty. Write one like "order:{order_id}".' };
  const parts: Template['parts'][number][] = [];
  for (const [token] of source.matchAll(/\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (token === '{' || token === '}') return { wrong: `"${source}" has a brace without its partner. Write {field} for the value of a field.` };
    if (!token.startsWith('{')) {
      if (!printable.test(token)) return { wrong: `"${source}" has characters that a tag cannot have: printable ASCII without spaces is allowed.` };
      parts.push({ text: token });
      continue;
    }
    const name = token.slice(1, -1);
    if (name === '') return { wrong: `"${source}" has empty braces. Name a field of ${request.typeName} or a claim, such as {sub}.` };
    if (claims.has(name)) parts.push({ claim: name });
    else {
      const field = fieldPath(name.split('.'), request, source, claims);
      if ('wrong' in field) return field;
      parts.push({ field: field.path });
    }
  }
  return { source, parts };
}

function fieldPath(
  names: readonly string[],
  request: DescMessage,
  source: string,
  claims: ReadonlySet<string>,
): { path: readonly string[] } | { wrong: string } {
  const message = request;
  for (const [i, name] of names.entries()) {
    const field: DescField | undefined = message.fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      const known = [...message.fields.map((candidate) => candidate.name), ...(i === 0 ? claims : [])];
      return {
        wrong: `"${source}" names ${name}, which is not a field of ${message.typeName}${i === 0 ? ' nor a claim that may be used here' : ''}.${didYouMean(name, known)}`,
      };
    }
    if (field.oneof !== undefined || field.proto.proto3Optional) {
      return { wrong: `"${source}" names ${names.join('.')}, which may be absent. A tag needs a value in every request.` };
    }
    const last = i === names.length - 1;
    if (!last) {
      return {
        wrong: `"${source}" names ${names.join('.')}: ${name} is a ${field.fieldKind} that may be absent. A tag takes fields of the request itself.`,
      };
    }
    // TYPE_DOUBLE 1, TYPE_FLOAT 2, TYPE_BYTES 12 of descriptor.proto: their text is not unique
    if (field.fieldKind === 'enum' || (field.fieldKind === 'scalar' && ![1, 2, 12].includes(field.scalar))) return { path: names };
    const kind = field.fieldKind === 'scalar' ? (field.scalar === 12 ? 'bytes' : 'a floating-point number') : `a ${field.fieldKind}`;
    return { wrong: `"${source}" names ${names.join('.')}, which is ${kind}. Strings, integers, booleans and enums are allowed.` };
  }
  return { wrong: `"${source}" names no field.` };
}

/**
 * @param claim the caller's claims by name; undefined for one the caller does not have
 * @returns the tag, or undefined when a value is empty or the result is no tag: such an answer is not stored
 */
export function renderTemplate(
  template: Template,
  request: { readonly desc: DescMessage; readonly message: Message },
  claim: (name: string) => string | undefined,
): string | undefined {
  let tag = '';
  for (const part of template.parts) {
    const value = 'text' in part ? part.text : 'claim' in part ? claim(part.claim) : fieldValue(part.field, request);
    if (value === undefined || value === '') return undefined;
    tag += value;
  }
  return isTag(tag) ? tag : undefined;
}

function fieldValue([name]: readonly string[], { desc, message }: { readonly desc: DescMessage; readonly message: Message }): string | undefined {
  const field = desc.fields.find((candidate) => candidate.name === name);
  return field === undefined ? undefined : String(reflect(desc, message).get(field));
}

/** `{sub}` where nobody has to be signed in gets an explanation of its own. */
export function subWithoutUser(source: string, access: AccessPlan['kind']): string | undefined {
  if (!source.includes('{sub}') || access === 'user') return undefined;
  return `"${source}" uses {sub}, but callers of this method need not be a signed-in user.`;
}
