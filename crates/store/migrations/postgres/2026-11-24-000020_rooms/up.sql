-- The number of a room's latest message. A message takes the next one by changing this row, so numbers have no gap.
CREATE TABLE rooms (
    name TEXT PRIMARY KEY,
    latest BIGINT NOT NULL
);

CREATE TABLE messages (
    room TEXT NOT NULL,
    id BIGINT NOT NULL,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room, id)
);

-- Told when the transaction commits, and to every replica that listens. Which room and which message, not what it says:
-- a notification is short, and may be lost with its connection, so a listener reads the rows anyhow.
CREATE FUNCTION tell_of_message() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('waitlab_messages', NEW.id || ' ' || NEW.room);
    RETURN NULL;
END $$;
CREATE TRIGGER message_kept AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION tell_of_message();
