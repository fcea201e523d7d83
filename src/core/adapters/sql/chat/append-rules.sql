-- The rules of a conversation: who may send, edit, delete and react, and what a repeat is. Of an entry of a user:
-- - The user is a member. An entry that was sent under its client id before is a repeat, with another content refused.
-- - An edit, a deletion and a reaction name a message that the user may see, and that is not deleted.
-- - Only its sender edits a message, and deletes it; admins, owners and services delete those of others, too.
-- - A reply names such a message. An attachment is its sender's, complete, of this conversation, and in no message yet.
-- - Nothing is appended for a reaction that is there already, or not there to be removed, or of a user who has blocked
--   the message's sender; nor for a second deletion.
-- As the migrations have made it: a change here needs a migration with the same text.

-- Appends what users and services send to one conversation, in order, as one transaction. An entry that is refused
-- leaves no hole: its outcome says why. Each statement sees what was committed before the lock was taken.
CREATE OR REPLACE FUNCTION chat_append(conversation uuid, entries jsonb)
RETURNS TABLE (outcome text, seq bigint, number bigint, event_id uuid, sent_at timestamptz)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
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

-- A user who has blocked another one reacts to nothing of that one, whose messages this user does not see: such a
-- reaction changes nothing.
CREATE OR REPLACE FUNCTION chat_no_reaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM chat_events e JOIN chat_blocks b ON b.user_id = NEW.user_id AND b.blocked_id = e.sender_id
      WHERE e.conversation_id = NEW.conversation_id AND e.seq = NEW.target_seq AND e.sender_kind = 'user') THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
