import type { DescMethod } from '@bufbuild/protobuf';
import type { Policy } from '../../gen/portico/v1/policy.ts';
import { didYouMean } from '../kit/did-you-mean.ts';
import { durationText } from '../kit/duration.ts';
import type { CallKind, MethodPlan } from '../kit/method-plan.ts';
import type { Report } from './policy-errors.ts';

/**
 * The stream form of a cached screen: `resolve` finds its unary method, `checkAccess` compares the two once all plans
 * exist.
 */
export const streamOf = { resolve, checkAccess };

function resolve(policy: Policy, method: DescMethod, kind: CallKind, report: Report): string {
  if (kind !== 'server_stream') report('streamOf', `stream_of is only for server streams; ${method.name} is not one.`);
  if (policy.forward !== undefined) report('forward', 'stream_of and forward cannot be combined: one method has one origin.');
  if (policy.invalidates.length > 0) report('invalidates[0]', 'stream_of reads: it cannot invalidate.');
  if (policy.deadline === '') report('streamOf', `stream_of needs a deadline: without one, a part that hangs would keep the stream open for ever.`);
  const names = method.parent.methods.filter((candidate) => candidate !== method && candidate.methodKind === 'unary').map(({ name }) => name);
  const unary = method.parent.methods.find((candidate) => candidate.name === policy.streamOf);
  if (unary === undefined)
    report('streamOf', `stream_of names "${policy.streamOf}", which is no method of ${method.parent.typeName}.${didYouMean(policy.streamOf, names)}`);
  else if (unary.methodKind !== 'unary') report('streamOf', `stream_of names "${policy.streamOf}", which is not unary.`);
  else if (unary.input !== method.input || unary.output !== method.output) {
    report('streamOf', `stream_of needs the same request and response as ${policy.streamOf}: ${unary.input.typeName} and ${unary.output.typeName}.`);
  }
  return `${method.parent.typeName}/${policy.streamOf}`;
}

/**
 * A stream form returns the same answers. It must not require fewer permissions than its unary method, and the unary
 * method must be cached.
 */
function checkAccess(method: DescMethod, plans: ReadonlyMap<string, MethodPlan>, report: Report): void {
  const plan = plans.get(`/${method.parent.typeName}/${method.name}`);
  const unary = plan?.streamOf === undefined ? undefined : plans.get(`/${plan.streamOf}`);
  if (plan === undefined || unary === undefined || unary.kind !== 'unary') return;
  if (unary.forward !== undefined) report('streamOf', `stream_of names ${unary.method}, which is forwarded: only a screen has parts to send.`);
  else if (unary.cache === undefined)
    report('streamOf', `stream_of names ${unary.method}, which is not cached. Give it a cache, or write the stream by hand.`);
  if (plan.deadlineMs !== undefined && unary.deadlineMs !== undefined && plan.deadlineMs < unary.deadlineMs && !plan.defaulted.includes('deadline'))
    report(
      'deadline',
      `deadline is shorter than that of ${unary.method} (${durationText(unary.deadlineMs)}): the stream would end before parts that the unary form waits for.`,
    );
  const missing =
    unary.access.kind === 'user' ? unary.access.scopes.filter((scope) => plan.access.kind !== 'user' || !plan.access.scopes.includes(scope)) : [];
  if (missing.length > 0)
    report(
      'access',
      `access is looser than that of ${unary.method}, whose answers are sent: it lacks ${missing.map((scope) => `"${scope}"`).join(', ')}.`,
    );
  if (unary.access.kind !== plan.access.kind && missing.length === 0)
    report('access', `access differs from that of ${unary.method}, whose answers are sent. State the same in both.`);
}
