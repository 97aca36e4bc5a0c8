-- What goes to a provider on paper (R10, E29)

-- A notice as a form to print, which type_notice of the provider reads.
-- Errors: 42501 not the caller's provider; SR002 unknown, or its contract is
-- not in force (operators may print on); 22023 there is no such notice.
CREATE FUNCTION card_issuer.print_notice(
    provider screissue.company_id,
    notice_no bigint)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    form text;
BEGIN
    PERFORM screissue.require('provider', print_notice.provider IS NOT NULL);
    PERFORM screissue.require('notice_no', print_notice.notice_no IS NOT NULL);
    PERFORM card_issuer.require_notice_reader(print_notice.provider);
    SELECT screissue.print_paper('notice', ARRAY[
               n.issuer, n.provider, n.notice_no::text, n.kind,
               n.platform_type::text, n.new_card_id, n.old_card_id, n.app_id,
               n.message_id, n.reason, screissue.paper_time(n.noted_at)])
      INTO form
      FROM screissue.notice n
     WHERE n.issuer = own
       AND n.provider = print_notice.provider::text
       AND n.notice_no = print_notice.notice_no;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'provider "%" has no notice %',
            print_notice.provider, print_notice.notice_no
            USING ERRCODE = '22023';
    END IF;
    RETURN form;
END
$$;
COMMENT ON FUNCTION
    card_issuer.print_notice(screissue.company_id, bigint) IS
    'notice on paper';
