-- Input and result are columns of the row, so a worker needs the database and nothing else. `ask` may hold a
-- passphrase: it and the input are erased when the job has ended.
CREATE TABLE jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL,
    ask TEXT NOT NULL,
    input BYTEA NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- Queued: not before; running: the end of its lease. A job whose time has come can be claimed.
    due_at BIGINT NOT NULL,
    worker TEXT,
    batch BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    problem TEXT,
    media_type TEXT,
    result BYTEA
);
-- Of open jobs only: those that have ended are most of the table.
CREATE INDEX jobs_open ON jobs (due_at, id) WHERE finished_at IS NULL;
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_of_batch ON jobs (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX jobs_in_state ON jobs (state, id);

-- One row: whoever accepts a job changes it first, so that they accept one after the other.
CREATE TABLE job_line (
    id INTEGER PRIMARY KEY NOT NULL,
    accepted BIGINT NOT NULL
);
INSERT INTO job_line (id, accepted) VALUES (1, 0);

CREATE TABLE job_keys (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    job_id BIGINT NOT NULL
);

CREATE TABLE batches (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- The database's own clock, in milliseconds: workers on several machines must agree on when a lease is over. SQLite gets
-- it as a registered function of the same name.
CREATE FUNCTION from_now(ms BIGINT) RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint + ms
$$;
