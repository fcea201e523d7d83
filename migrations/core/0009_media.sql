-- Attachments: what is uploaded is kept in parts, each a blob of the store. docs/mobile/attachments.md has the rules.

ALTER TABLE chat_attachments
  -- As the content says, once it is complete.
  ALTER COLUMN content_type DROP NOT NULL,
  -- A file name, if the owner gave one.
  ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 255),
  -- The message of the conversation that has it. NULL: none yet.
  ADD COLUMN seq bigint CHECK (seq > 0),
  -- The call that uploads it: one that began earlier stores nothing any more.
  ADD COLUMN writer uuid,
  -- How many calls have uploaded it.
  ADD COLUMN calls integer NOT NULL DEFAULT 0,
  -- When the last part was stored.
  ADD COLUMN stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Since when the store lacks a part of it.
  ADD COLUMN lost_at timestamptz;
CREATE INDEX chat_attachments_of_owner ON chat_attachments (owner_id, id);
CREATE INDEX chat_attachments_of_message ON chat_attachments (conversation_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX chat_attachments_unused ON chat_attachments (stored_at) WHERE seq IS NULL;
CREATE INDEX chat_attachments_left ON chat_attachments (id) WHERE conversation_id IS NULL;

CREATE TABLE media_parts (
  attachment_id uuid NOT NULL REFERENCES chat_attachments (id) ON DELETE CASCADE,
  first_byte bigint NOT NULL CHECK (first_byte >= 0),
  size_bytes bigint NOT NULL CHECK (size_bytes > 0),
  -- Of its blob.
  blob text COLLATE "C" NOT NULL UNIQUE,
  PRIMARY KEY (attachment_id, first_byte)
);

-- Blobs that are to be deleted.
CREATE TABLE media_garbage (
  blob text COLLATE "C" PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX media_garbage_by_age ON media_garbage (since);

CREATE FUNCTION media_discard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO media_garbage (blob) VALUES (OLD.blob) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER media_parts_discard AFTER DELETE ON media_parts FOR EACH ROW EXECUTE FUNCTION media_discard();

-- What a user has announced to upload on a day.
CREATE TABLE media_usage (
  owner_id text NOT NULL,
  day date NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (owner_id, day)
);

-- Work that one replica at a time does: until when, and how far it has come.
CREATE TABLE worker_turns (
  name text PRIMARY KEY,
  holder uuid NOT NULL,
  held_until timestamptz NOT NULL,
  place text COLLATE "C" NOT NULL DEFAULT ''
);

-- Appends what users and services send to one conversation, in order, as one transaction. An entry that is refused
-- leaves no hole: its outcome says why. Each statement sees what was committed before the lock was taken. New: messages
-- take the attachments of their sender, each once, and a deletion for all drops them.
CREATE OR REPLACE FUNCTION chat_append(conversation uuid, entries jsonb)
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
  taken integer;
BEGIN
  SELECT * INTO c FROM chat_conversations WHERE id = conversation FOR UPDATE;
  new_seq := c.last_seq;
  new_number := c.last_number;
  now_at := greatest(date_trunc('milliseconds', clock_timestamp()), c.last_at);
  FOR e IN SELECT * FROM jsonb_to_recordset(entries) AS x (
    kind text, sender_kind text, sender_id text, client_id text, hash text, text text, data text, reply bigint,
    target bigint, reaction text, removed boolean, event_id uuid, attachments uuid[])
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

    IF e.attachments IS NOT NULL THEN
      PERFORM FROM chat_attachments a WHERE a.id = ANY (e.attachments) AND a.owner_id = e.sender_id AND e.sender_kind = 'user'
        AND a.conversation_id = conversation AND a.completed_at IS NOT NULL AND a.seq IS NULL ORDER BY a.id FOR UPDATE;
      GET DIAGNOSTICS taken = ROW_COUNT;
      IF taken <> cardinality(e.attachments) THEN
        outcome := 'attachment'; RETURN NEXT; CONTINUE;
      END IF;
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
        INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, client_id, text, data, reply_seq,
            attachment_ids, sent_at)
          VALUES (conversation, new_seq, e.event_id, 'message', new_number, e.sender_kind, e.sender_id, e.client_id, e.text,
            decode(e.data, 'base64'), e.reply, e.attachments, now_at);
        IF e.attachments IS NOT NULL THEN
          UPDATE chat_attachments SET seq = new_seq WHERE id = ANY (e.attachments);
        END IF;
      ELSE
        INSERT INTO chat_events (conversation_id, seq, event_id, kind, sender_kind, sender_id, client_id, target_seq, reaction, removed, sent_at)
          VALUES (conversation, new_seq, e.event_id, e.kind, e.sender_kind, e.sender_id, e.client_id, e.target, e.reaction, e.removed, now_at);
        IF e.kind = 'edit' THEN
          UPDATE chat_events v SET text = e.text, data = decode(e.data, 'base64'), edited_seq = new_seq
            WHERE v.conversation_id = conversation AND v.seq = e.target;
        ELSIF e.kind = 'delete' THEN
          UPDATE chat_events v SET text = NULL, data = NULL, attachment_ids = NULL, deleted_seq = new_seq
            WHERE v.conversation_id = conversation AND v.seq = e.target;
          DELETE FROM chat_attachments a WHERE a.conversation_id = conversation AND a.seq = e.target;
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
