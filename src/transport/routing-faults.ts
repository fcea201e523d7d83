import { clip } from '../core/kit/clip-text.ts';
import { Fault } from '../core/kit/fault.ts';
import type { CallKind } from '../core/kit/method-plan.ts';
import type { StatusError } from '../core/kit/status-error.ts';

/** Converts an error of the front itself to a status, in the form of every other error. */
export type EncodeRefusal = (fault: Fault, acceptLanguage: string) => StatusError;

export function methodUnknown(path: string): Fault {
  const shown = clip(path, 200);
  return new Fault('METHOD_UNKNOWN', `There is no method ${shown} here.`, { metadata: { path: shown } });
}

export function verbWrong(verb: string): Fault {
  const method = clip(verb, 20);
  return new Fault('VERB_WRONG', `${method} is no way to call this method: POST is, and GET where it has no side effects.`, { metadata: { method } });
}

const contentTypes: Readonly<Record<'unary' | 'stream', string>> = {
  unary: 'application/grpc, application/grpc-web, application/proto and application/json',
  stream: 'application/grpc, application/grpc-web, application/connect+proto and application/connect+json',
};

export function contentTypeUnknown(contentType: string | undefined, kind: CallKind): Fault {
  const shown = clip(contentType ?? '', 100);
  const known = contentTypes[kind === 'unary' ? 'unary' : 'stream'];
  return new Fault('CONTENT_TYPE_UNKNOWN', `The method takes no "${shown}": ${known} are taken.`, { metadata: { contentType: shown } });
}

export function http2Needed(): Fault {
  return new Fault('HTTP_VERSION_WRONG', 'This method, or gRPC itself, needs HTTP/2: both sides send at once.');
}

/** Any other error is a defect of the server: it is reported in full, and the client receives INTERNAL. */
export function asFault(error: unknown, reportDefect: (error: unknown) => void): Fault {
  if (error instanceof Fault) return error;
  reportDefect(error);
  return new Fault('INTERNAL', 'The call failed by a defect of the server.', { cause: error });
}
