DROP FUNCTION wait_for;
DROP TABLE note_keys;
DROP TABLE notes;
