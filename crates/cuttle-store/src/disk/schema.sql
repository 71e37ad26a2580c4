-- A variant is a file; it is here as long as an entry names it.
CREATE TABLE variants (
  id INTEGER PRIMARY KEY,
  content BLOB NOT NULL UNIQUE,
  bytes INTEGER NOT NULL
) STRICT;

-- Their ids, once: a million entries name one of a few.
CREATE TABLE applications (
  id INTEGER PRIMARY KEY,
  name BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  request BLOB NOT NULL UNIQUE,
  variant INTEGER NOT NULL,
  application INTEGER NOT NULL,
  source BLOB NOT NULL,
  state BLOB NOT NULL,
  -- Digest of the row: SQLite does not notice a bit that falls over in a page, and this one would show another picture.
  seal BLOB NOT NULL,
  -- The last purge when it was written: later ones may match it.
  epoch INTEGER NOT NULL,
  -- Milliseconds since 1970; later than that of everything used before, also after the clock was set back.
  used INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_variant ON entries (variant);
-- A prefix purge looks for a range in each application; the text itself, which may be thousands of bytes long, is in the row, once.
CREATE INDEX entries_source ON entries (application, substr(source, 1, 128));
CREATE INDEX entries_used ON entries (used);

CREATE TABLE purges (
  id INTEGER PRIMARY KEY,
  -- 0 all, 1 one source, 2 a prefix of sources.
  scope INTEGER NOT NULL,
  text BLOB NOT NULL,
  -- The id of the one application that it is about; NULL: every one.
  application BLOB,
  -- Whether all that it matches is deleted.
  done INTEGER NOT NULL
) STRICT;
CREATE INDEX purges_open ON purges (id) WHERE done = 0;

-- Counting a million rows takes longer than any request waits.
CREATE TABLE totals (
  variants INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  -- The last purge that is no longer listed. Whoever has heard of none since cannot know what it missed.
  forgotten INTEGER NOT NULL,
  -- The last purge that another version of these tables announced and that was entered here.
  heard INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (0, 0, 0, 0, 0);
CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
  UPDATE totals SET entries = entries + 1;
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
  UPDATE totals SET entries = entries - 1;
END;
CREATE TRIGGER variant_added AFTER INSERT ON variants BEGIN
  UPDATE totals SET variants = variants + 1, bytes = bytes + NEW.bytes;
END;
CREATE TRIGGER variant_removed AFTER DELETE ON variants BEGIN
  UPDATE totals SET variants = variants - 1, bytes = bytes - OLD.bytes;
END;
