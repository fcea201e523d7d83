-- Pushes to devices, which platforms deliver. docs/mobile/push.md has the rules.

-- Where a session's device is pushed to. The foreign key drops it with its session, the trigger when the session ends.
CREATE TABLE push_tokens (
  session_id uuid PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  user_id text NOT NULL,
  provider text NOT NULL CHECK (provider IN ('apns', 'fcm')),
  token text NOT NULL CHECK (length(token) BETWEEN 1 AND 4096),
  -- SHA-256 of the token, which is too long for an index.
  token_hash bytea NOT NULL,
  -- Of an app on an Apple device: its bundle id.
  topic text NOT NULL DEFAULT '' CHECK (length(topic) <= 200),
  sandbox boolean NOT NULL DEFAULT false,
  -- As in chat_devices: what this device has received is not pushed to it.
  device text NOT NULL CHECK (length(device) BETWEEN 1 AND 100),
  quiet_zone text,
  quiet_from integer CHECK (quiet_from BETWEEN 0 AND 1439),
  quiet_to integer CHECK (quiet_to BETWEEN 0 AND 1439),
  -- When the app last gave it: an older statement that it is dead does not count.
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((quiet_zone IS NULL) = (quiet_from IS NULL) AND (quiet_zone IS NULL) = (quiet_to IS NULL)),
  UNIQUE (provider, token_hash)
);
CREATE INDEX push_tokens_of_user ON push_tokens (user_id, registered_at);

CREATE FUNCTION push_drop_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM push_tokens WHERE session_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER sessions_drop_push_token AFTER UPDATE OF revoked_at ON sessions
  FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION push_drop_token();

-- What internal services and screens notify a user of. A repeat is known until it expires.
CREATE TABLE push_notices (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  request_key text UNIQUE,
  content jsonb NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX push_notices_by_expiry ON push_notices (expires_at);

-- Pushes that wait to be sent to one device, or that are being sent.
CREATE TABLE push_queue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES push_tokens (session_id) ON DELETE CASCADE,
  provider text NOT NULL,
  -- A message of a conversation; that its notifications are read; a notice.
  kind text NOT NULL CHECK (kind IN ('message', 'read', 'notice')),
  conversation_id uuid,
  seq bigint,
  notice_id uuid REFERENCES push_notices (id) ON DELETE CASCADE,
  -- When it is to be sent. Of one that a worker has leased: when the lease ends.
  due_at timestamptz NOT NULL,
  leased boolean NOT NULL DEFAULT false,
  -- Answers of the platform that it should be tried again.
  attempts integer NOT NULL DEFAULT 0,
  -- Leases that ended without a record of what became of it: it may have been sent each time.
  repeats integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  CHECK ((kind = 'notice') = (notice_id IS NOT NULL)),
  CHECK ((kind = 'notice') = (conversation_id IS NULL) AND (kind = 'notice') = (seq IS NULL))
);
CREATE INDEX push_queue_due ON push_queue (provider, due_at);
CREATE INDEX push_queue_of_session ON push_queue (session_id);
CREATE INDEX push_queue_of_notice ON push_queue (notice_id) WHERE notice_id IS NOT NULL;

-- Messages that a device was pushed, and that its user has not read yet: the oldest and the newest of a conversation.
CREATE TABLE push_shown (
  session_id uuid NOT NULL REFERENCES push_tokens (session_id) ON DELETE CASCADE,
  conversation_id uuid NOT NULL,
  oldest_seq bigint NOT NULL,
  newest_seq bigint NOT NULL CHECK (newest_seq >= oldest_seq),
  PRIMARY KEY (session_id, conversation_id)
);
