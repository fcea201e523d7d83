-- Erasures of users' data. docs/operating/privacy.md has the rules.
CREATE TABLE erasures (
  -- SHA-256 of the request's id and the user's: a repeat is known for ever, and says nothing of either.
  id bytea PRIMARY KEY,
  -- NULL when it is done, like the key of the names that stand for the user meanwhile: nobody can make them again.
  user_id text,
  secret bytea,
  -- What came later is of a user who has come back, and stays. The end of the millisecond.
  accepted_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()) + interval '1 ms',
  -- The parts that are done, and how far the present one is.
  parts_done text[] NOT NULL DEFAULT '{}',
  place jsonb,
  -- What was erased: {"chat": {"messages": 12}}.
  report jsonb NOT NULL DEFAULT '{}',
  -- Of the last step: others go on with an erasure that rests.
  touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  CHECK ((done_at IS NULL) = (user_id IS NOT NULL) AND (done_at IS NULL) = (secret IS NOT NULL))
);
CREATE INDEX erasures_open ON erasures (touched_at) WHERE done_at IS NULL;

-- Who has blocked a user.
CREATE INDEX chat_blocks_of_blocked ON chat_blocks (blocked_id);
-- Notices of a user, and when they came.
ALTER TABLE push_notices ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX push_notices_of_user ON push_notices (user_id);
