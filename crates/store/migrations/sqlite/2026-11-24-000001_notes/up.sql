-- AUTOINCREMENT: the id of a deleted note never comes back as another note.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A key outlives its note: a request repeated after the note was deleted makes no second one.
CREATE TABLE note_keys (
    key TEXT PRIMARY KEY NOT NULL,
    request TEXT NOT NULL,
    note_id BIGINT NOT NULL
);
