-- What an issuer sent on paper (R10, E29)

-- Takes in a notice as somebody typed it from the form that the issuer
-- printed, and says what receive_notice says of it.
-- Errors: SR001; 22P02 mistyped, and where; 22023; 25006.
CREATE FUNCTION service_provider.type_notice(form text)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    field text[];
    label text := 'NUMBER';
    number bigint;
    platform integer;
    noted timestamp with time zone;
BEGIN
    PERFORM service_provider.own_company();
    PERFORM screissue.require('form', type_notice.form IS NOT NULL);
    field := screissue.read_paper('notice', type_notice.form);
    BEGIN
        number := field[3]::bigint;
        label := 'PLATFORM';
        platform := field[5]::integer;
        label := 'NOTED';
        noted := screissue.read_paper_time(field[11]);
    EXCEPTION WHEN data_exception THEN
        PERFORM screissue.raise_unreadable(label);
    END;
    RETURN service_provider.receive_notice(
        issuer => field[1],
        provider => field[2],
        notice_no => number,
        kind => field[4],
        platform_type => platform,
        new_card_id => field[6],
        old_card_id => field[7],
        app_id => field[8],
        message_id => field[9],
        reason => field[10],
        noted_at => noted,
        carrier => 'paper');
END
$$;
COMMENT ON FUNCTION service_provider.type_notice(text) IS
    'landing of a notice that was typed from paper (Fig. 6 steps 601, 602)';
