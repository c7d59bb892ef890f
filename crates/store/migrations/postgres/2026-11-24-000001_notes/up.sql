CREATE TABLE notes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A key outlives its note: a request repeated after the note was deleted makes no second one.
CREATE TABLE note_keys (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    note_id BIGINT NOT NULL
);

-- What SQLite gets as a registered function, under the same name, so that the query is one text.
CREATE FUNCTION wait_for(seconds DOUBLE PRECISION) RETURNS DOUBLE PRECISION LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(seconds);
    RETURN seconds;
END $$;
