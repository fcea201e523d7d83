import { create, type DescMessage, fromBinary, type Message } from '@bufbuild/protobuf';
import { pathToString, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator } from '@bufbuild/protovalidate';
import { type CanonicalForm, canonicalForm } from '../kit/canonical.ts';
import { Fault, type Violation } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { clip } from '../kit/text.ts';
import type { Decoded, Interceptor } from '../ports/call.ts';
import { nulViolations, refusesNul } from './nul.ts';

/** A path has the keys of maps in it, and a rule may quote values: both are the client's to choose, and travel back in a header. */
const textBytesMax = 200;

/**
 * Compiles the rules of all requests now, so that a rule that cannot be compiled stops the start instead of a call.
 * @throws Error naming the method and what is wrong
 */
export function compileRules(plans: Iterable<MethodPlan>): Validator {
  const validator = createValidator();
  for (const plan of plans) {
    if (!plan.validated) continue;
    const result = validator.validate(plan.descriptor.input, create(plan.descriptor.input));
    if (result.kind === 'error' && result.error.name === 'CompilationError')
      throw new Error(`${plan.method}: the rules of ${plan.descriptor.input.typeName} cannot be compiled: ${result.error.message}`);
  }
  return validator;
}

/**
 * Refuses requests that cannot be decoded (CALL_MALFORMED) or break a rule of their .proto (REQUEST_INVALID with field paths), and gives the decoded request to
 * those below. What nobody asks for is not computed. Messages of a stream are checked one by one as they pass, where the type has rules.
 */
export function validate(validator: Validator): Interceptor<unknown, Decoded> {
  const forms = new Map<DescMessage, CanonicalForm>();
  const formOf = (input: DescMessage): CanonicalForm => {
    const form = forms.get(input) ?? canonicalForm(input);
    forms.set(input, form);
    return form;
  };
  return function validate(call, next) {
    const { plan, request } = call;
    const input = plan.descriptor.input;
    if (!(request instanceof Uint8Array)) {
      const checked =
        plan.validated || refusesNul(plan) ? eachChecked(request, (bytes) => check(validator, plan, decode(input, bytes), bytes)) : request;
      return next({ ...call, request: checked, decoded: undefined });
    }
    const decoded = new DecodedRequest(input, request, formOf);
    // A forwarded request without rules passes as it is: whether it can be read is for its receiver to say.
    if (plan.validated || refusesNul(plan)) check(validator, plan, decoded.message, request);
    else if (plan.forward === undefined && request.length > 0) void decoded.message; // no bytes can always be read
    return next({ ...call, decoded });
  };
}

/** Computed when asked for, once. A class, because an object literal with getters costs each call as much as decoding a small request. */
class DecodedRequest implements NonNullable<Decoded['decoded']> {
  readonly #input: DescMessage;
  readonly #bytes: Uint8Array;
  readonly #formOf: (input: DescMessage) => CanonicalForm;
  #message: Message | undefined;
  #canonical: Uint8Array | undefined;
  constructor(input: DescMessage, bytes: Uint8Array, formOf: (input: DescMessage) => CanonicalForm) {
    this.#input = input;
    this.#bytes = bytes;
    this.#formOf = formOf;
  }
  get message() {
    this.#message ??= decode(this.#input, this.#bytes);
    return this.#message;
  }
  get canonical() {
    // decoded apart: putting maps in order changes them
    this.#canonical ??= this.#bytes.length === 0 ? this.#bytes : this.#formOf(this.#input)(decode(this.#input, this.#bytes));
    return this.#canonical;
  }
  get hasUnknownFields() {
    return this.#bytes.length > 0 && hasUnknownFields(reflect(this.#input, this.message));
  }
}

function decode(input: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(input, bytes);
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', `The request is not a ${input.typeName}: its bytes cannot be decoded.`, {
      metadata: { type: input.typeName },
      cause,
    });
  }
}

function hasUnknownFields(message: ReflectMessage): boolean {
  if ((message.getUnknown()?.length ?? 0) > 0) return true;
  return message.fields.some((field) => {
    if (!message.isSet(field)) return false;
    if (field.fieldKind === 'message') return hasUnknownFields(message.get(field));
    if (field.fieldKind === 'list' && field.listKind === 'message')
      return [...message.get(field)].some((item) => hasUnknownFields(item as ReflectMessage));
    if (field.fieldKind === 'map' && field.mapKind === 'message')
      return [...message.get(field).values()].some((item) => hasUnknownFields(item as ReflectMessage));
    return false;
  });
}

function check(validator: Validator, plan: MethodPlan, message: Message, bytes: Uint8Array): void {
  const { input } = plan.descriptor;
  const nul = refusesNul(plan) ? nulViolations(input, message, bytes) : [];
  const broken = plan.validated ? rulesBroken(validator, input, message) : [];
  const violations = [...nul, ...broken].map(({ field, rule, description }) => ({
    field: clip(field, textBytesMax),
    rule,
    description: clip(description, textBytesMax),
  }));
  if (violations.length === 0) return;
  const first = violations[0];
  const more = violations.length > 1 ? ` and ${violations.length - 1} more` : '';
  throw new Fault('REQUEST_INVALID', `The request breaks a rule: ${first?.field || input.name} ${first?.description}${more}.`, {
    violations,
  });
}

function rulesBroken(validator: Validator, input: DescMessage, message: Message): readonly Violation[] {
  const result = validator.validate(input, message);
  if (result.kind === 'valid') return [];
  if (result.kind === 'error') throw new Error(`The rules of ${input.typeName} could not be run.`, { cause: result.error });
  return result.violations.map((violation) => ({ field: pathToString(violation.field), rule: violation.ruleId, description: violation.message }));
}

async function* eachChecked(messages: AsyncIterable<Uint8Array>, checkBytes: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const bytes of messages) {
    checkBytes(bytes);
    yield bytes;
  }
}
