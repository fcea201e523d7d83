import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator } from '@bufbuild/protovalidate';
import { clip } from '../kit/clip-text.ts';
import { Fault, type Violation } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/method-plan.ts';
import type { RequestMessage } from '../kit/request-message.ts';
import { soonThen } from '../kit/soon.ts';
import type { CallRequest, Decoded, Interceptor, ReadMessage } from '../ports/call.ts';
import { violationTextBytesMax } from './error-size-limits.ts';
import { lastFieldRead } from './last-field-read.ts';
import { nulViolations, refusesNul } from './refuse-nul.ts';

/** It keeps what it has compiled, by type. */
const validator = createValidator();

/**
 * Compiles the rules of all requests now, so that a rule that cannot be compiled stops the start instead of a call.
 * @throws Error naming the method and the error
 */
export function compileRules(plans: Iterable<MethodPlan>): Validator {
  for (const plan of plans) {
    if (!plan.validated) continue;
    const result = validator.validate(plan.descriptor.input, create(plan.descriptor.input));
    if (result.kind === 'error' && result.error.name === 'CompilationError')
      throw new Error(`${plan.method}: the rules of ${plan.descriptor.input.typeName} cannot be compiled: ${result.error.message}`);
  }
  return validator;
}

/**
 * Refuses requests that cannot be decoded (CALL_MALFORMED) or violate a rule of their .proto (REQUEST_INVALID with
 * field paths), and adds the decoded request to the call. Handlers receive exactly the message that was checked, as
 * bytes that every codec reads in the same way. Forwarded bytes stay unchanged. Messages of a stream are checked one by
 * one as they pass.
 */
export function validate(validator: Validator): Interceptor<unknown, Decoded> {
  const passes = new Map<MethodPlan, ReturnType<typeof passOf>>();
  return function validate(call, next) {
    const { plan, request } = call;
    const pass = passes.get(plan) ?? passOf(validator, plan);
    passes.set(plan, pass);
    if (plan.kind === 'client_stream' || plan.kind === 'bidi_stream') {
      const passed = pass.reads ? passedRequest(request, pass.received) : request;
      return next({ ...call, request: passed, requestBytes: noBytes, decoded: undefined });
    }
    return soonThen(request.one(), (decoded) => next({ ...call, requestBytes: pass.received(decoded), decoded }));
  };
}

/** The check of every request of a method. */
function passOf(validator: Validator, plan: MethodPlan) {
  const { forward, invalidates } = plan;
  const hasRules = plan.validated || refusesNul(plan);
  // A forwarded request that no step here reads passes unchanged: its receiver decides whether it can be decoded.
  const reads = hasRules || forward === undefined || invalidates.some(({ parts }) => parts.some((part) => 'field' in part));
  return {
    reads,
    /** @returns the bytes for the handler */
    received: (request: RequestMessage): Uint8Array => {
      if (hasRules) check(validator, plan, request);
      else if (reads && request.bytes.length > 0) void request.message; // an empty message can always be decoded
      return forward === undefined ? request.unambiguous : request.bytes;
    },
  };
}

function check(validator: Validator, plan: MethodPlan, { message, bytes }: RequestMessage): void {
  const { input } = plan.descriptor;
  const nul = refusesNul(plan) ? nulViolations(input, message, bytes) : [];
  const broken = plan.validated ? rulesBroken(validator, input, message) : [];
  const violations = [...nul, ...broken].map(({ field, rule, description }) => ({
    field: clip(field, violationTextBytesMax),
    rule,
    description: clip(description, violationTextBytesMax),
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
  if (result.kind === 'error') return [unchecked(validator, input, message, result.error)];
  return result.violations.map((violation) => ({ field: pathToString(violation.field), rule: violation.ruleId, description: violation.message }));
}

/**
 * A rule that cannot be run for a value, such as one that divides by it: no such value keeps the rule, so it is the
 * client's mistake. An error without a cause is not of the value: the rule is wrong.
 */
function unchecked(validator: Validator, input: DescMessage, message: Message, error: Error): Violation {
  if (error.cause === undefined) throw new Error(`The rules of ${input.typeName} could not be run.`, { cause: error });
  const field = lastFieldRead(input, message, (read) => void validator.validate(input, read));
  return { field, rule: 'cel.error', description: `cannot be checked: ${error.message}` };
}

const noBytes = new Uint8Array(0);

/** The same stream of messages, each as it passes. */
function passedRequest(request: CallRequest, pass: ReadMessage): CallRequest {
  return {
    one: () => request.one(),
    each: () => request.each(pass),
    get bytesRead() {
      return request.bytesRead;
    },
  };
}
