-- As the migrations have made it: a change here needs a migration with the same text.

-- The blob of a part that is deleted is garbage, which servers delete soon. Called after each row of `media_parts`.
CREATE OR REPLACE FUNCTION media_discard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO media_garbage (blob) VALUES (OLD.blob) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
