-- The number of a room's latest message. A message takes the next one by changing this row, so numbers have no gap.
CREATE TABLE rooms (
    name TEXT PRIMARY KEY NOT NULL,
    latest BIGINT NOT NULL
);

CREATE TABLE messages (
    room TEXT NOT NULL,
    id BIGINT NOT NULL,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room, id)
) WITHOUT ROWID;
