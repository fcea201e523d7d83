-- A second pass of each erasure, for what calls store that are under way during the first.
ALTER TABLE erasures
  -- When all parts were done once, and twice. Between the two it rests.
  ADD COLUMN first_pass_at timestamptz,
  ADD COLUMN second_pass_at timestamptz,
  -- What the second pass found.
  ADD COLUMN second_report jsonb NOT NULL DEFAULT '{}';

-- Each step asks whether the user has come back, and erasing reads sessions that have ended, too.
CREATE INDEX sessions_of_user ON sessions (user_id, signed_in_at);
