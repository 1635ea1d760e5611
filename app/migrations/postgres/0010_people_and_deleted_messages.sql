-- A message that its author deleted keeps its row and loses its text: a page that continues behind it, the
-- total of messages and the panel go on as before. It counts as flagged, so every list leaves it out.
ALTER TABLE messages ADD COLUMN deleted_at BIGINT;

-- Followers are listed newest first.
DROP INDEX followers_by_whom;
CREATE INDEX followers_by_whom ON followers (whom_id, id);

-- Names are searched by how they begin, which an index answers only where texts compare byte by byte.
ALTER TABLE users ALTER COLUMN name_skeleton TYPE TEXT COLLATE "C";
