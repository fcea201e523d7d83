import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { didYouMean } from '../kit/did-you-mean.ts';
import type { AccessPlan, CachePlan, Template } from '../kit/method-plan.ts';
import { isTag, printable, tagBytesMax } from './tag-limits.ts';

/**
 * Reads a template like "order:{order_id}": `{…}` names a field of the request, or a claim of the caller; `{sub}` is
 * always the caller's.
 * @param claims names that stand for claims of the caller
 * @returns the template, or its error
 */
export function parseTemplate(source: string, request: DescMessage, claims: ReadonlySet<string>): Template | { readonly wrong: string } {
  if (source === '') return { wrong: 'A tag template is empty. Write one like "order:{order_id}".' };
  const parts: Template['parts'][number][] = [];
  let literalBytes = 0;
  for (const [token] of source.matchAll(/\{[^{}]*\}|[^{}]+|[{}]/g)) {
    if (token === '{' || token === '}') return { wrong: `"${source}" has a brace without its partner. Write {field} for the value of a field.` };
    if (!token.startsWith('{')) {
      if (!printable.test(token)) return { wrong: `"${source}" has characters that a tag cannot have: printable ASCII without spaces is allowed.` };
      parts.push({ text: token });
      literalBytes += token.length;
      continue;
    }
    const name = token.slice(1, -1);
    if (name === '') return { wrong: `"${source}" has empty braces. Name a field of ${request.typeName} or a claim, such as {sub}.` };
    if (claims.has(name)) {
      // a field comes from the client, a claim from its token: one never replaces the other
      if (request.fields.some((field) => field.name === name))
        return { wrong: `"${source}" is ambiguous: ${name} is a claim of the caller and a field of ${request.typeName}. Rename the field.` };
      parts.push({ claim: name });
    } else if (name === 'sub') return { wrong: `"${source}" uses {sub}, the user's id, which is not known here.` };
    else {
      const field = fieldPath(name.split('.'), request, source, claims);
      if ('wrong' in field) return field;
      parts.push({ field: field.path });
    }
  }
  if (literalBytes > tagBytesMax) return { wrong: `"${source}" is longer than a tag may be: ${tagBytesMax} bytes.` };
  return { source, parts };
}

function fieldPath(
  [name = '', ...deeper]: readonly string[],
  request: DescMessage,
  source: string,
  claims: ReadonlySet<string>,
): { path: readonly string[] } | { wrong: string } {
  const field: DescField | undefined = request.fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    const known = [...request.fields.map((candidate) => candidate.name), ...claims];
    return {
      wrong: `"${source}" names ${name}, which is neither a field of ${request.typeName} nor a claim that is known here.${didYouMean(name, known)}`,
    };
  }
  if (deeper.length > 0)
    return {
      wrong: `"${source}" names ${[name, ...deeper].join('.')}: only fields of the request itself can be named, since ${name} may be absent.`,
    };
  const kind = kindOf(field);
  if (kind !== undefined) return { wrong: `"${source}" names ${name}, which is ${kind}. Strings, integers, booleans and enums are allowed.` };
  if (field.presence === FeatureSet_FieldPresence.EXPLICIT)
    return { wrong: `"${source}" names ${name}, which may be absent (optional, or one of a oneof). A tag needs a value in every request.` };
  return { path: [name] };
}

/** @returns a description of a field that has no text form for a tag; undefined: it has one */
function kindOf(field: DescField): string | undefined {
  if (field.fieldKind === 'enum') return undefined;
  if (field.fieldKind !== 'scalar') return `a ${field.fieldKind}`;
  if (field.scalar === ScalarType.BYTES) return 'bytes';
  return field.scalar === ScalarType.DOUBLE || field.scalar === ScalarType.FLOAT ? 'a floating-point number' : undefined;
}

/**
 * @param claim the caller's claims by name; undefined for one the caller does not have
 * @returns the tag, or undefined when a value is empty or the result is not a tag: such an answer is not stored
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

/** @returns the tags of one call, and the number of templates without a value */
export function renderTemplates(
  templates: readonly Template[],
  request: { readonly desc: DescMessage; readonly message: Message },
  claim: (name: string) => string | undefined,
): { readonly tags: readonly string[]; readonly empty: number } {
  const tags = new Set<string>();
  let empty = 0;
  for (const template of templates) {
    const tag = renderTemplate(template, request, claim);
    if (tag === undefined) empty++;
    else tags.add(tag);
  }
  return { tags: [...tags], empty };
}

function fieldValue([name]: readonly string[], { desc, message }: { readonly desc: DescMessage; readonly message: Message }): string | undefined {
  const field = desc.fields.find((candidate) => candidate.name === name);
  return field === undefined ? undefined : String(reflect(desc, message).get(field));
}

/**
 * A `{sub}` without a known user has an explanation of its own.
 * @param scope of the cache; undefined: the template stands in `invalidates`
 */
export function whyNoSub(source: string, access: AccessPlan['kind'], scope?: CachePlan['scope']): string | undefined {
  if (!source.includes('{sub}')) return undefined;
  if (scope === 'shared') return `"${source}" uses {sub}, but a SCOPE_SHARED answer is the same for all: its computation knows no caller.`;
  if (access !== 'user') return `"${source}" uses {sub}, but callers of this method need not be signed-in users.`;
  return scope === 'claims'
    ? `"${source}" uses {sub}, which is not among the claims of SCOPE_CLAIMS: add "sub" to claims, or use SCOPE_USER.`
    : undefined;
}
