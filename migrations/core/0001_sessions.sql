-- One row per sign-in of a device: the family of its refresh tokens.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  user_id text NOT NULL,
  device_platform text NOT NULL,
  device_name text NOT NULL,
  installation_id text NOT NULL,
  scopes text[] NOT NULL,
  claims jsonb NOT NULL,
  signed_in_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  -- The newest refresh token handed out: its number, its SHA-256, and when it was made (which is when its predecessor was first used).
  generation integer NOT NULL,
  refresh_hash bytea NOT NULL,
  advanced_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_because text
);
CREATE INDEX sessions_by_user ON sessions (user_id, signed_in_at DESC) WHERE revoked_at IS NULL;
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

-- Nonces of ID tokens that were used: each signs in once.
CREATE TABLE used_nonces (
  nonce_hash bytea PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX used_nonces_by_expiry ON used_nonces (expires_at);
