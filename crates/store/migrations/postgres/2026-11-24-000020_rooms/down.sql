DROP TABLE messages;
DROP FUNCTION tell_of_message;
DROP TABLE rooms;
