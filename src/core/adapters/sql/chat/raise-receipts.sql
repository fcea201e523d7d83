-- As the migrations have made it: a change here needs a migration with the same text.

-- Raises a member's receipts, and the position of one device. @returns what changed; NULL: the user is no member
CREATE OR REPLACE FUNCTION chat_receive(conversation uuid, who text, on_device text, delivered bigint, read bigint) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS $$
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
