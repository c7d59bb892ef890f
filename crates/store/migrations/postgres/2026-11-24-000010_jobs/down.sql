DROP FUNCTION from_now;
DROP TABLE batches;
DROP TABLE job_keys;
DROP TABLE job_line;
DROP TABLE jobs;
