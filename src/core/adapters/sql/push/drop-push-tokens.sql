-- As the migrations have made it: a change here needs a migration with the same text.

-- The push token of a session that ends is dropped. Called after each row of `sessions` that is revoked.
CREATE OR REPLACE FUNCTION push_drop_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM push_tokens WHERE session_id = NEW.id;
  RETURN NULL;
END $$;
