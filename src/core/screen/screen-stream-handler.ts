import type { MethodPlan } from '../kit/method-plan.ts';
import type { AnswerStream, ComputeSoFar } from '../ports/cached-stream.ts';
import type { Handler } from '../ports/call.ts';
import type { Screen } from './define-app.ts';
import { inTime, type Run } from './fan-out.ts';
import { beginScreen, type ScreenParts } from './screen-handler.ts';

/**
 * A screen as a server stream. It sends the stored answer at once, else a whole answer each time a part has arrived.
 * The last one has no pending parts. The screen's function runs again for each; its parts and equal upstream calls do
 * not.
 * The etag of the last answer is a trailer.
 * @param unary the plan of the cached method whose stream form this is
 */
export function screenStreamHandler(screen: Screen<never>, unary: MethodPlan, answerStream: AnswerStream, parts: ScreenParts): Handler {
  const compute: ComputeSoFar = async (call, report) => {
    const session = beginScreen(screen, call, parts, true);
    try {
      for (;;) {
        const answer = await session.pass();
        if (!session.run.pending) return answer;
        report({ answer, endNow: session.endNow });
        await nextSettled(session.run);
      }
    } finally {
      session.end();
    }
  };
  return (call) => answerStream(unary, call, compute);
}

/** Waits until one more part has settled, or its time is over. */
async function nextSettled(run: Run): Promise<void> {
  const open = [...run.states].filter(([, { settled }]) => !settled);
  if (open.length === 0) return;
  await inTime(run, open, Promise.race(open.map(([, { promise }]) => promise)));
}
