-- Messages that users have reported: an outbox for the company's own service, and what was reported already.
CREATE TABLE chat_reports (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  reporter_id text NOT NULL CHECK (length(reporter_id) BETWEEN 1 AND 256),
  conversation_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  -- NULL, as all that follows but the time: the service has it.
  reason text CHECK (length(reason) BETWEEN 1 AND 30),
  comment text CHECK (length(comment) <= 1000),
  -- The message as the reporter saw it, whatever becomes of it: conversation, sender, content.
  message jsonb,
  reported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When it is to be sent. Of one that a worker has leased: when the lease ends.
  due_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  CHECK ((due_at IS NULL) = (message IS NULL)),
  UNIQUE (reporter_id, conversation_id, seq)
);
CREATE INDEX chat_reports_due ON chat_reports (due_at) WHERE due_at IS NOT NULL;
