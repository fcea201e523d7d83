-- Blocks of users: what depends on them in conversations. docs/mobile/chat.md has the rules.

-- The own change by which the user blocked, or unblocked, somebody of this conversation: a client that does not have it
-- forgets the conversation's events, because other ones are hidden now.
ALTER TABLE chat_members ADD COLUMN blocks_seq bigint NOT NULL DEFAULT 0;

-- A user who has blocked another one reacts to nothing of that one, whose messages this user does not see: such a
-- reaction changes nothing.
CREATE FUNCTION chat_no_reaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM chat_events e JOIN chat_blocks b ON b.user_id = NEW.user_id AND b.blocked_id = e.sender_id
      WHERE e.conversation_id = NEW.conversation_id AND e.seq = NEW.target_seq AND e.sender_kind = 'user') THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER chat_reactions_seen BEFORE INSERT ON chat_reactions FOR EACH ROW EXECUTE FUNCTION chat_no_reaction();
