-- Conversations, their members, and one log of events for each. docs/reference/chat.md has the rules and the plans.

-- Which database this is: a sync token of another one is not of use here.
CREATE TABLE chat_database (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO chat_database DEFAULT VALUES;

CREATE TABLE chat_conversations (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('direct', 'group')),
  -- What it is about, such as "order:42"; empty: nothing of the company.
  subject text NOT NULL DEFAULT '' CHECK (length(subject) <= 200),
  title text NOT NULL DEFAULT '' CHECK (length(title) <= 200),
  -- The two users of a direct conversation, in byte order: there is one for each pair and subject.
  low_user_id text COLLATE "C",
  high_user_id text COLLATE "C",
  -- The creator's own id for the creation: its repeat creates nothing. The hash is that of what was asked for.
  created_by text NOT NULL,
  created_key text NOT NULL,
  created_hash bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The newest event, and the newest message: both are counted without a hole, under the lock of this row.
  last_seq bigint NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
  last_number bigint NOT NULL DEFAULT 0 CHECK (last_number BETWEEN 0 AND last_seq),
  last_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', clock_timestamp()),
  members_count integer NOT NULL DEFAULT 0 CHECK (members_count >= 0),
  -- Of the newest event: for sync tokens, which are transactions.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CHECK ((kind = 'direct') = (low_user_id IS NOT NULL AND high_user_id IS NOT NULL)),
  CHECK (low_user_id < high_user_id),
  UNIQUE (created_by, created_key),
  UNIQUE (low_user_id, high_user_id, subject)
);
CREATE INDEX chat_conversations_by_subject ON chat_conversations (subject) WHERE subject <> '';

-- The counter of what only one user sees: read positions, mutes, messages deleted for oneself. Without a hole.
CREATE TABLE chat_users (
  user_id text PRIMARY KEY CHECK (length(user_id) BETWEEN 1 AND 256),
  last_own_seq bigint NOT NULL DEFAULT 0 CHECK (last_own_seq >= 0)
);

-- One row for each user who is or was a member. Locks are taken in this order: conversation, members, user.
CREATE TABLE chat_members (
  conversation_id uuid NOT NULL REFERENCES chat_conversations (id) ON DELETE CASCADE,
  user_id text NOT NULL REFERENCES chat_users (user_id),
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Events up to this one are not for this member.
  after_seq bigint NOT NULL DEFAULT 0 CHECK (after_seq >= 0),
  -- The event by which the user ceased to be a member.
  left_seq bigint CHECK (left_seq > after_seq),
  -- Receipts: they never go back. Read implies delivered.
  delivered_seq bigint NOT NULL DEFAULT 0,
  read_seq bigint NOT NULL DEFAULT 0 CHECK (read_seq BETWEEN 0 AND delivered_seq),
  read_number bigint NOT NULL DEFAULT 0 CHECK (read_number BETWEEN 0 AND read_seq),
  muted_until timestamptz,
  -- Of the last change that only this user sees: its place in the user's own order.
  own_seq bigint NOT NULL DEFAULT 0 CHECK (own_seq >= 0),
  -- Of the last change that others see: the receipts.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX chat_members_of_user ON chat_members (user_id, conversation_id) WHERE left_seq IS NULL;
CREATE INDEX chat_members_own ON chat_members (user_id, own_seq) WHERE own_seq > 0;

-- How far each device of a member has received a conversation: a push is for devices that have not.
CREATE TABLE chat_devices (
  conversation_id uuid NOT NULL,
  user_id text NOT NULL,
  device text NOT NULL CHECK (length(device) BETWEEN 1 AND 100),
  delivered_seq bigint NOT NULL CHECK (delivered_seq > 0),
  PRIMARY KEY (conversation_id, user_id, device),
  FOREIGN KEY (conversation_id, user_id) REFERENCES chat_members (conversation_id, user_id) ON DELETE CASCADE
);

-- The shared events of all conversations, by month, so that old ones can be dropped as a whole.
CREATE TABLE chat_events (
  conversation_id uuid NOT NULL REFERENCES chat_conversations (id) ON DELETE CASCADE,
  -- 1, 2, 3, … in each conversation.
  seq bigint NOT NULL CHECK (seq > 0),
  -- Random: it proves that a client has this event, and not another one of an older state of the database.
  event_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('message', 'edit', 'delete', 'reaction', 'members')),
  -- 1, 2, 3, … among the messages of each conversation.
  number bigint CHECK (number BETWEEN 1 AND seq),
  sender_kind text NOT NULL CHECK (sender_kind IN ('user', 'bot', 'system')),
  sender_id text NOT NULL,
  -- The sender's own id for the event.
  client_id text,
  -- Of a message: its content as it is now. An edit or a deletion for all changes it here, and has none of its own.
  text text,
  data bytea,
  reply_seq bigint,
  attachment_ids uuid[],
  edited_seq bigint,
  deleted_seq bigint,
  -- Of an edit, a deletion or a reaction: the message.
  target_seq bigint,
  reaction text,
  -- Of a reaction: it was taken back.
  removed boolean NOT NULL DEFAULT false,
  -- Of a change of members: [{"userId", "role"}], without a role for those who left.
  changes jsonb,
  -- In the order of `seq`.
  sent_at timestamptz NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CHECK ((kind = 'message') = (number IS NOT NULL)),
  CHECK ((kind IN ('edit', 'delete', 'reaction')) = (target_seq IS NOT NULL)),
  CHECK ((kind = 'reaction') = (reaction IS NOT NULL)),
  CHECK ((kind = 'members') = (changes IS NOT NULL)),
  CHECK (kind = 'message' OR (text IS NULL AND data IS NULL AND attachment_ids IS NULL)),
  CHECK (deleted_seq IS NULL OR (text IS NULL AND data IS NULL AND attachment_ids IS NULL)),
  CHECK (target_seq < seq AND reply_seq < seq AND edited_seq > seq AND deleted_seq > seq)
) PARTITION BY RANGE (sent_at);
CREATE INDEX chat_events_by_number ON chat_events (conversation_id, number) WHERE number IS NOT NULL;
CREATE INDEX chat_events_by_xid ON chat_events (conversation_id, xid, seq);
CREATE TABLE chat_events_other PARTITION OF chat_events DEFAULT;
CREATE UNIQUE INDEX chat_events_other_once ON chat_events_other (conversation_id, seq);

-- Creates the partitions of this month and of those that follow. The app calls it, too, whose role may own no tables.
CREATE FUNCTION chat_prepare_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  month timestamptz := date_trunc('month', now(), 'UTC');
  ends timestamptz;
  name text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7306371303);
  FOR i IN 0 .. months LOOP
    ends := date_trunc('month', month + interval '45 days', 'UTC');
    name := 'chat_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass(name) IS NULL AND NOT EXISTS (SELECT FROM chat_events_other WHERE sent_at >= month AND sent_at < ends) THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF chat_events FOR VALUES FROM (%L) TO (%L)', name, month, ends);
      EXECUTE format('CREATE UNIQUE INDEX %I ON %I (conversation_id, seq)', name || '_once', name);
      made := made + 1;
    END IF;
    month := ends;
  END LOOP;
  RETURN made;
END $$;
SELECT chat_prepare_partitions(3);

-- The ids that senders gave their events, for ever: when the event is dropped, its repeat is still known as one.
CREATE TABLE chat_sent (
  conversation_id uuid NOT NULL REFERENCES chat_conversations (id) ON DELETE CASCADE,
  sender_kind text NOT NULL,
  sender_id text NOT NULL,
  client_id text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 100),
  -- SHA-256 of what was sent: the same id with another content is refused.
  content_hash bytea NOT NULL,
  -- 0: it changed nothing, such as a reaction that was there already.
  seq bigint NOT NULL,
  PRIMARY KEY (conversation_id, sender_kind, sender_id, client_id)
);

CREATE TABLE chat_reactions (
  conversation_id uuid NOT NULL REFERENCES chat_conversations (id) ON DELETE CASCADE,
  target_seq bigint NOT NULL,
  user_id text NOT NULL,
  reaction text NOT NULL CHECK (length(reaction) BETWEEN 1 AND 64),
  PRIMARY KEY (conversation_id, target_seq, user_id, reaction)
);

-- Messages that a user has deleted for oneself.
CREATE TABLE chat_hidden (
  user_id text NOT NULL REFERENCES chat_users (user_id),
  conversation_id uuid NOT NULL,
  seq bigint NOT NULL,
  own_seq bigint NOT NULL CHECK (own_seq > 0),
  PRIMARY KEY (user_id, conversation_id, seq),
  FOREIGN KEY (conversation_id, user_id) REFERENCES chat_members (conversation_id, user_id) ON DELETE CASCADE
);
CREATE INDEX chat_hidden_own ON chat_hidden (user_id, own_seq);

-- Whose messages a user does not see.
CREATE TABLE chat_blocks (
  user_id text NOT NULL,
  blocked_id text NOT NULL,
  blocked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, blocked_id)
);

-- Messages that devices may have to be pushed: one row for each, in its transaction, taken some seconds later.
CREATE TABLE chat_outbox (
  conversation_id uuid NOT NULL,
  seq bigint NOT NULL,
  due_at timestamptz NOT NULL,
  PRIMARY KEY (conversation_id, seq)
);
CREATE INDEX chat_outbox_due ON chat_outbox (due_at);

CREATE TABLE chat_attachments (
  id uuid PRIMARY KEY,
  owner_id text NOT NULL,
  conversation_id uuid REFERENCES chat_conversations (id) ON DELETE SET NULL,
  content_type text NOT NULL,
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  sha256 bytea,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at timestamptz
);
CREATE INDEX chat_attachments_open ON chat_attachments (created_at) WHERE completed_at IS NULL;

-- Appends what users and services send to one conversation, in order, as one transaction. An entry that is refused
-- leaves no hole: its outcome says why. Each statement sees what was committed before the lock was taken.
CREATE FUNCTION chat_append(conversation uuid, entries jsonb)
RETURNS TABLE (outcome text, seq bigint, number bigint, event_id uuid, sent_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  c chat_conversations%ROWTYPE;
  m chat_members%ROWTYPE;
  e record;
  known record;
  target chat_events%ROWTYPE;
  new_seq bigint;
  new_number bigint;
  now_at timestamptz;
BEGIN
  SELECT * INTO c FROM chat_conversations WHERE id = conversation FOR UPDATE;
  new_seq := c.last_seq;
  new_number := c.last_number;
  now_at := greatest(date_trunc('milliseconds', clock_timestamp()), c.last_at);
  FOR e IN SELECT * FROM jsonb_to_recordset(entries) AS x (
    kind text, sender_kind text, sender_id text, client_id text, hash text, text text, data text, reply bigint,
    target bigint, reaction text, removed boolean, event_id uuid)
  LOOP
    seq := 0; number := NULL; event_id := e.event_id; sent_at := now_at;
    IF e.sender_kind = 'user' THEN
      SELECT * INTO m FROM chat_members WHERE conversation_id = conversation AND user_id = e.sender_id AND left_seq IS NULL;
    END IF;
    IF c.id IS NULL OR (e.sender_kind = 'user' AND m.user_id IS NULL) THEN
      outcome := 'unknown'; RETURN NEXT; CONTINUE;
    END IF;

    SELECT s.seq, s.content_hash = decode(e.hash, 'hex') AS same INTO known FROM chat_sent s
      WHERE s.conversation_id = conversation AND s.sender_kind = e.sender_kind AND s.sender_id = e.sender_id AND s.client_id = e.client_id;
    IF FOUND THEN
      seq := known.seq;
      SELECT v.event_id, v.number, v.sent_at INTO event_id, number, sent_at FROM chat_events v
        WHERE v.conversation_id = conversation AND v.seq = known.seq;
      outcome := CASE WHEN NOT known.same THEN 'reused' WHEN FOUND OR known.seq = 0 THEN 'repeated' ELSE 'expired' END;
      RETURN NEXT; CONTINUE;
    END IF;

    IF e.target IS NOT NULL THEN
      SELECT v.* INTO target FROM chat_events v
        WHERE v.conversation_id = conversation AND v.seq = e.target AND (e.sender_kind <> 'user' OR v.seq > m.after_seq);
      IF NOT FOUND OR target.kind <> 'message' OR (target.deleted_seq IS NOT NULL AND e.kind <> 'delete') THEN
        outcome := 'target'; RETURN NEXT; CONTINUE;
      END IF;
      IF e.kind <> 'reaction' AND (target.sender_kind, target.sender_id) IS DISTINCT FROM (e.sender_kind, e.sender_id)
        AND NOT (e.kind = 'delete' AND (e.sender_kind <> 'user' OR m.role <> 'member')) THEN
        outcome := 'forbidden'; RETURN NEXT; CONTINUE;
      END IF;
    END IF;

    IF e.reply IS NOT NULL AND NOT EXISTS (SELECT FROM chat_events v WHERE v.conversation_id = conversation AND v.seq = e.reply
      AND v.number IS NOT NULL AND v.deleted_seq IS NULL AND (e.sender_kind <> 'user' OR v.seq > m.after_seq)) THEN
      outcome := 'target'; RETURN NEXT; CONTINUE;
    END IF;

    outcome := 'appended';
    IF e.kind = 'delete' AND target.deleted_seq IS NOT NULL THEN
      outcome := 'repeated';
    ELSIF e.kind = 'reaction' AND e.removed THEN
      DELETE FROM chat_reactions WHERE conversation_id = conversation AND target_seq = e.target AND user_id = e.sender_id AND reaction = e.reaction;
      IF NOT FOUND THEN outcome := 'repeated'; END IF;
    ELSIF e.kind = 'reaction' THEN
      INSERT INTO chat_reactions VALUES (conversation, e.target, e.sender_id, e.reaction) ON CONFLICT DO NOTHING;
      IF NOT FOUND THEN outcome := 'repeated'; END IF;
    END IF;

    IF outcome = 'appended' THEN
      new_seq := new_seq + 1;
      seq := new_seq;
      IF e.kind = 'message' THEN
        new_number := new_number + 1;
        number := new_number;
        INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, client_id, text, data, reply_seq, sent_at)
          VALUES (conversation, new_seq, e.event_id, 'message', new_number, e.sender_kind, e.sender_id, e.client_id, e.text,
            decode(e.data, 'base64'), e.reply, now_at);
      ELSE
        INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, client_id, target_seq, reaction, removed, sent_at)
          VALUES (conversation, new_seq, e.event_id, e.kind, e.sender_kind, e.sender_id, e.client_id, e.target, e.reaction, e.removed, now_at);
        IF e.kind = 'edit' THEN
          UPDATE chat_events v SET text = e.text, data = decode(e.data, 'base64'), edited_seq = new_seq
            WHERE v.conversation_id = conversation AND v.seq = e.target;
        ELSIF e.kind = 'delete' THEN
          UPDATE chat_events v SET text = NULL, data = NULL, attachment_ids = NULL, deleted_seq = new_seq
            WHERE v.conversation_id = conversation AND v.seq = e.target;
        END IF;
      END IF;
    END IF;
    INSERT INTO chat_sent VALUES (conversation, e.sender_kind, e.sender_id, e.client_id, decode(e.hash, 'hex'), seq);
    RETURN NEXT;
  END LOOP;
  IF new_seq > c.last_seq THEN
    UPDATE chat_conversations SET last_seq = new_seq, last_number = new_number, last_at = now_at, xid = pg_current_xact_id()
      WHERE id = conversation;
  END IF;
END $$;

-- Raises a member's receipts, and the position of one device. @returns what changed; NULL: the user is no member
CREATE FUNCTION chat_receive(conversation uuid, who text, on_device text, delivered bigint, read bigint) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  m chat_members%ROWTYPE;
  top bigint;
  new_read bigint;
  new_delivered bigint;
  own bigint;
  is_new boolean;
BEGIN
  SELECT * INTO m FROM chat_members WHERE conversation_id = conversation AND user_id = who AND left_seq IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT last_seq INTO top FROM chat_conversations WHERE id = conversation;
  new_read := greatest(m.read_seq, least(read, top));
  new_delivered := greatest(m.delivered_seq, least(delivered, top), new_read);
  IF on_device IS NOT NULL AND least(greatest(delivered, read), top) > 0 THEN
    INSERT INTO chat_devices AS d VALUES (conversation, who, on_device, least(greatest(delivered, read), top))
      ON CONFLICT (conversation_id, user_id, device) DO UPDATE SET delivered_seq = EXCLUDED.delivered_seq
      WHERE d.delivered_seq < EXCLUDED.delivered_seq
      RETURNING d.xmax = 0 INTO is_new;
    IF is_new THEN
      -- A device names itself: those that are furthest behind are forgotten.
      DELETE FROM chat_devices WHERE conversation_id = conversation AND user_id = who AND device IN (
        SELECT device FROM chat_devices WHERE conversation_id = conversation AND user_id = who
        ORDER BY delivered_seq DESC, device OFFSET 20);
    END IF;
  END IF;
  IF new_delivered = m.delivered_seq AND new_read = m.read_seq THEN RETURN 'nothing'; END IF;
  own := m.own_seq;
  IF new_read > m.read_seq THEN
    UPDATE chat_users SET last_own_seq = last_own_seq + 1 WHERE user_id = who RETURNING last_own_seq INTO own;
  END IF;
  UPDATE chat_members SET delivered_seq = new_delivered, read_seq = new_read, own_seq = own, xid = pg_current_xact_id(),
      read_number = greatest(m.read_number, (SELECT number FROM chat_events
        WHERE conversation_id = conversation AND seq <= new_read AND number IS NOT NULL ORDER BY seq DESC LIMIT 1))
    WHERE conversation_id = conversation AND user_id = who;
  RETURN CASE WHEN new_read > m.read_seq THEN 'read' ELSE 'delivered' END;
END $$;
