-- Sessions besides the one that measures, for calls that commit or other databases.

CREATE EXTENSION dblink SCHEMA bench;

-- Opens a session of this name in a database.
CREATE FUNCTION bench.open_session(
    session text,
    database name,
    role name DEFAULT 'postgres')
    RETURNS void
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT bench.dblink_connect(session, format(
        'host=%s dbname=%s options=-crole=%s',
        current_setting('unix_socket_directories'), database, role))
$$;
COMMENT ON FUNCTION bench.open_session(text, name, name) IS 'open a session by dblink';

-- What a statement that returns the time of a call returned there.
CREATE FUNCTION bench.time_there(session text, statement text)
    RETURNS double precision
    LANGUAGE sql
    VOLATILE
AS $$
    SELECT d.took
      FROM bench.dblink(session, statement) d (took double precision)
$$;
COMMENT ON FUNCTION bench.time_there(text, text) IS
    'time of a call in another session';
