-- Refresh tokens that were returned more than once: the number of the newest one, and how many successive ones up to it were.
ALTER TABLE sessions
  ADD COLUMN repeated_generation integer NOT NULL DEFAULT 0,
  ADD COLUMN repeats_in_a_row integer NOT NULL DEFAULT 0;
