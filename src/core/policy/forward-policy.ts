import type { DescMethod, FileRegistry } from '@bufbuild/protobuf';
import { type Forward, Forward_Texts } from '../../gen/portico/v1/policy.ts';
import { didYouMean } from '../kit/did-you-mean.ts';
import type { ForwardPlan } from '../kit/method-plan.ts';
import { wrongAnswerKey, wrongKey } from './forbidden-metadata-keys.ts';
import { differenceOfShape } from './message-shape.ts';
import { type Report, reportDuplicates } from './policy-errors.ts';

/** Metadata of the client that every upstream receives; policy.proto names them. */
export const standardKeys = ['accept-language', 'app-platform', 'app-version', 'idempotency-key'] as const;
const always: ReadonlySet<string> = new Set(standardKeys);
const kindName = ({ methodKind }: DescMethod) => (methodKind === 'unary' ? 'unary' : `a ${methodKind.replace('_streaming', ' stream')}`);

/** @returns the destination of calls; contradictions are reported */
export function forwardOf(
  forward: Forward,
  method: DescMethod,
  { registry, upstreams, report }: { readonly registry: FileRegistry; readonly upstreams: ReadonlySet<string> | undefined; readonly report: Report },
): ForwardPlan {
  if (forward.upstream === '') report('forward', 'forward names no upstream. Name one of the configuration, such as upstream: "orders".');
  else if (upstreams !== undefined && !upstreams.has(forward.upstream)) {
    const known = [...upstreams].sort().join(', ') || 'none';
    report(
      'forward.upstream',
      `forward names the upstream "${forward.upstream}", which is not configured (configured: ${known}).${didYouMean(forward.upstream, upstreams)}`,
    );
  }
  const target = targetOf(forward.method, registry, report);
  if (target !== undefined) {
    const [here, there] = [kindName(method), kindName(target)];
    if (here !== there) report('forward.method', `forward goes to a method of another kind: this one is ${here}, ${forward.method} is ${there}.`);
    const request = differenceOfShape(method.input, target.input);
    if (request !== undefined) report('forward.method', `forward needs the same request shape, but ${request}.`);
    const response = differenceOfShape(method.output, target.output);
    if (response !== undefined) report('forward.method', `forward needs the same response shape, but ${response}.`);
  }
  forward.metadata.forEach((key, i) => {
    const wrong = wrongKey(key);
    if (wrong !== undefined) report(`forward.metadata[${i}]`, `forward metadata ${wrong}`);
    else if (always.has(key)) report(`forward.metadata[${i}]`, `forward metadata "${key}" is always forwarded. Leave it out.`);
  });
  reportDuplicates(forward.metadata, 'forward metadata', 'forward.metadata', report);
  forward.answerMetadata.forEach((key, i) => {
    const wrong = wrongAnswerKey(key);
    if (wrong !== undefined) report(`forward.answerMetadata[${i}]`, `forward answer_metadata ${wrong}`);
  });
  reportDuplicates(forward.answerMetadata, 'forward answer_metadata', 'forward.answerMetadata', report);
  if (forward.texts > Forward_Texts.PASS) report('forward.texts', `forward texts has the value ${forward.texts}, which this release does not know.`);
  const texts = forward.texts === Forward_Texts.PASS ? 'pass' : 'replace';
  return { upstream: forward.upstream, path: `/${forward.method}`, metadata: forward.metadata, answerMetadata: forward.answerMetadata, texts };
}

function targetOf(name: string, registry: FileRegistry, report: Report): DescMethod | undefined {
  if (name === '') report('forward', 'forward names no method. Name one of an internal service, such as method: "orders.v1.OrderService/GetOrder".');
  else if (!/^[\w.]+\/\w+$/.test(name)) report('forward.method', `forward names "${name}", which is not written like "package.Service/Method".`);
  if (!/^[\w.]+\/\w+$/.test(name)) return undefined;
  const [serviceName = '', methodName = ''] = name.split('/');
  const service = registry.getService(serviceName);
  if (service === undefined) {
    const known = [...registry.files].flatMap((file) => file.services.map(({ typeName }) => typeName));
    report('forward.method', `forward names "${name}", but no .proto file has a service "${serviceName}".${didYouMean(serviceName, known)}`);
    return undefined;
  }
  const target = service.methods.find((candidate) => candidate.name === methodName);
  const names = service.methods.map((candidate) => candidate.name);
  if (target === undefined)
    report('forward.method', `forward names "${name}", but ${serviceName} has no method "${methodName}".${didYouMean(methodName, names)}`);
  return target;
}
