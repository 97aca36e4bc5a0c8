-- Asking another database
--
-- Through dblink, which is looked up at call time: it is needed only where a
-- foreign server is used, and it may live in any schema.  Connections are made
-- with the rights of the extension's owner and kept for the session.  Where
-- the caller could use them too, because dblink's functions are open to all
-- (doc/security.md tells to revoke them), none is kept, and none is believed
-- that was open before.

-- Schema of the extension dblink.  Not installed: 0A000.
CREATE FUNCTION screissue.dblink_schema()
    RETURNS name
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema_name name;
BEGIN
    SELECT n.nspname INTO schema_name
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'dblink';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'extension "dblink" is not installed'
            USING ERRCODE = '0A000',
                  HINT = 'Run CREATE EXTENSION dblink in this database.';
    END IF;
    RETURN schema_name;
END
$$;
COMMENT ON FUNCTION screissue.dblink_schema() IS
    'schema of the extension dblink';

-- Name of the kept connection to a foreign server.  By oid: a server name may
-- be as long as a connection name, and a server made anew is another one.  Who
-- owns a server says where it leads and as whom the extension's owner comes
-- there: that may be this server, where he may do anything.
-- Errors: 42704 no such server; 42501 its owner is not superuser.
CREATE FUNCTION screissue.connection_name(server name)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_server record;
BEGIN
    SELECT s.oid, r.rolname, r.rolsuper INTO found_server
      FROM pg_catalog.pg_foreign_server s
      JOIN pg_catalog.pg_roles r ON r.oid = s.srvowner
     WHERE s.srvname = connection_name.server;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'foreign server "%" does not exist', server
            USING ERRCODE = '42704',
                  HINT = 'Create it, with a user mapping for the owner of the extension.';
    ELSIF NOT found_server.rolsuper THEN
        RAISE EXCEPTION 'foreign server "%" belongs to role "%", which is not superuser',
            server, found_server.rolname
            USING ERRCODE = '42501',
                  HINT = 'It is used with the rights of the owner of the extension.';
    END IF;
    RETURN 'screissue_' || found_server.oid;
END
$$;
COMMENT ON FUNCTION screissue.connection_name(name) IS
    'name of the dblink connection that is kept to a foreign server';

-- May the caller, in any role that the session can take on, use dblink, and so
-- a connection that we keep?  Superusers need no connection of ours.
CREATE FUNCTION screissue.caller_has_dblink()
    RETURNS boolean
    LANGUAGE sql
    STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS
        (SELECT
           FROM pg_roles caller
           JOIN pg_roles r ON pg_has_role(caller.oid, r.oid, 'MEMBER')
          CROSS JOIN pg_extension e
           JOIN pg_depend d
             ON d.refclassid = 'pg_extension'::regclass
            AND d.refobjid = e.oid
            AND d.classid = 'pg_proc'::regclass
            AND d.deptype = 'e'
           JOIN pg_proc p ON p.oid = d.objid
          WHERE caller.rolname IN (screissue.calling_role(), session_user)
            AND NOT caller.rolsuper
            AND NOT r.rolsuper
            AND e.extname = 'dblink'
            AND has_schema_privilege(r.oid, p.pronamespace, 'USAGE')
            AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
$$;
COMMENT ON FUNCTION screissue.caller_has_dblink() IS
    'whether the caller could use a connection that is kept';

CREATE FUNCTION screissue.is_open(connection text)
    RETURNS boolean
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_open boolean;
BEGIN
    EXECUTE format('SELECT coalesce($1 = ANY (%I.dblink_get_connections()), false)',
                   screissue.dblink_schema())
       INTO is_open
      USING connection;
    RETURN is_open;
END
$$;
COMMENT ON FUNCTION screissue.is_open(text) IS
    'whether a dblink connection is open';

-- Name of an open connection to the server, through the user mapping of the
-- extension's owner.
CREATE FUNCTION screissue.open_connection(server name)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    dblink_schema CONSTANT name := screissue.dblink_schema();
    connection CONSTANT text :=
        screissue.connection_name(open_connection.server);
BEGIN
    IF NOT screissue.is_open(connection) THEN
        EXECUTE format('SELECT %I.dblink_connect($1, $2)', dblink_schema)
          USING connection, open_connection.server::text;
    END IF;
    RETURN connection;
END
$$;
COMMENT ON FUNCTION screissue.open_connection(name) IS
    'open dblink connection to a foreign server';

CREATE FUNCTION screissue.close_connection(server name)
    RETURNS void
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    connection CONSTANT text :=
        screissue.connection_name(close_connection.server);
BEGIN
    IF screissue.is_open(connection) THEN
        EXECUTE format('SELECT %I.dblink_disconnect($1)',
                       screissue.dblink_schema())
          USING connection;
    END IF;
END
$$;
COMMENT ON FUNCTION screissue.close_connection(name) IS
    'end of a dblink connection';

-- True for the errors after which a connection is of no use: lost, or the
-- other server shut down.  dblink reports a connection that was found dead
-- before it sent anything as XX000.
CREATE FUNCTION screissue.is_connection_failure(state text, message text)
    RETURNS boolean
    LANGUAGE sql
    IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT state LIKE '08%'
        OR state IN ('57P01', '57P02', '57P03')
        OR (state = 'XX000' AND message LIKE 'could not send query%')
$$;
COMMENT ON FUNCTION screissue.is_connection_failure(text, text) IS
    'whether an error means that the connection is dead';

-- Rows of a query at the server, which returns one jsonb column.  A dead
-- connection (the other side was restarted) is opened anew, once: what is
-- asked must be repeatable.  Errors keep SQLSTATE and primary message and
-- nothing else, since detail and context may quote the query with a card id
-- in it.  A cancel at the other side is HV000 here, where 57014 would pass
-- for a cancel of our own.
CREATE FUNCTION screissue.remote_rows(server name, query text)
    RETURNS SETOF jsonb
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_exposed CONSTANT boolean := screissue.caller_has_dblink();
    connection text;
    state text;
    message text;
    context text;
BEGIN
    IF is_exposed THEN
        PERFORM screissue.close_connection(remote_rows.server);
    END IF;
    FOR attempt IN 1 .. 2 LOOP
        connection := screissue.open_connection(remote_rows.server);
        BEGIN
            RETURN QUERY EXECUTE
                format('SELECT d.answer FROM %I.dblink($1, $2) AS d (answer jsonb)',
                       screissue.dblink_schema())
                USING connection, remote_rows.query;
            IF is_exposed THEN
                PERFORM screissue.close_connection(remote_rows.server);
            END IF;
            RETURN;
        EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE,
                                    message = MESSAGE_TEXT,
                                    context = PG_EXCEPTION_CONTEXT;
        END;
        EXIT WHEN NOT screissue.is_connection_failure(state, message);
        PERFORM screissue.close_connection(remote_rows.server);
    END LOOP;
    IF is_exposed THEN
        PERFORM screissue.close_connection(remote_rows.server);
    END IF;

    IF state = '57014' AND context LIKE '%on dblink connection%' THEN
        state := 'HV000';
    END IF;
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message;
END
$$;
COMMENT ON FUNCTION screissue.remote_rows(name, text) IS
    'rows of a query at a foreign server, one jsonb each';
