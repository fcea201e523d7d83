import type { ChatReportServiceImplementation, ReportRequest } from '../gen/portico/internal/v1/chat_report.ts';
import { reportReasonToJSON } from '../gen/portico/v1/safety.ts';
import type { Authorise } from './authorise-caller.ts';

/** Reports that are known: a company would keep them in its database. */
const knownMax = 1_000;

/** Receives each report of a message once, whatever is repeated. */
export function reportDesk(authorise: Authorise, onReported: (report: ReportRequest) => void): ChatReportServiceImplementation {
  const known = new Set<string>();
  return {
    report: async (request, context) => {
      await authorise(context); // of the server itself: it has no user
      if (known.has(request.reportId)) return {};
      onReported(request);
      known.add(request.reportId);
      for (const oldest of known) {
        if (known.size <= knownMax) break;
        known.delete(oldest);
      }
      return {};
    },
  };
}

export function logReport({ reporterId, sender, reason, conversationId, seq }: ReportRequest): void {
  console.error(`${reporterId} has reported message ${seq} of ${sender?.id} in ${conversationId}: ${reportReasonToJSON(reason)}`);
}
