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
    PERFORM card_issuer.require_reader(print_notice.provider);
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

-- Asks as inquire does, by attribute, or as find_reissue does, by card id, and
-- gives the reply as a form to print, which type_reply of the provider reads:
-- what a provider would be told, so a card whose id only the issuer may read is
-- unknown by it (R42).  For operators.
-- Errors: 22023 both or neither of attribute and card; as inquire, as
-- find_reissue.
CREATE FUNCTION card_issuer.print_reply(
    app screissue.app_id,
    attribute screissue.card_attribute DEFAULT NULL,
    card screissue.card_id DEFAULT NULL,
    printed_number text DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql
    VOLATILE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    own CONSTANT text := card_issuer.own_company()::text;
    asked text;
    reply record;
BEGIN
    PERFORM screissue.require('app', print_reply.app IS NOT NULL);
    IF num_nonnulls(print_reply.attribute, print_reply.card) <> 1 THEN
        RAISE EXCEPTION 'either "attribute" or "card" must be given'
            USING ERRCODE = '22023';
    END IF;
    asked := coalesce(print_reply.attribute::text, print_reply.card::text);
    IF print_reply.attribute IS NOT NULL THEN
        SELECT i.platform_type, i.reissued, i.message_id,
               NULL::screissue.card_id AS old_card_id
          INTO STRICT reply
          FROM card_issuer.inquire(print_reply.attribute, print_reply.app,
                                   print_reply.printed_number) i;
    ELSE
        SELECT f.platform_type, f.reissued, f.message_id, f.old_card_id
          INTO STRICT reply
          FROM card_issuer.find_reissue(print_reply.card, print_reply.app) f;
        IF (screissue.method_of(reply.platform_type) = 1) IS NOT TRUE THEN
            reply.platform_type := 200;
            reply.reissued := false;
            reply.message_id := NULL;
            reply.old_card_id := NULL;
        END IF;
    END IF;
    RETURN screissue.print_paper('reply', ARRAY[
        own, print_reply.app::text,
        screissue.paper_digest(sha256(convert_to(asked, 'UTF8'))),
        reply.platform_type::text,
        CASE WHEN reply.reissued THEN 'YES' ELSE 'NO' END,
        reply.message_id::text, reply.old_card_id::text]);
END
$$;
COMMENT ON FUNCTION card_issuer.print_reply(
    screissue.app_id, screissue.card_attribute, screissue.card_id, text) IS
    'reply to an inquiry, on paper (Fig. 15)';

-- A loading permission as a form to print, which type_permission of the
-- provider reads.  The card's id stands on it only where anyone can read it
-- (R42).  For operators.
-- Errors: SR008 unknown message id; SR009 it is used up.
CREATE FUNCTION card_issuer.print_permission(message screissue.message_id)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    load record;
BEGIN
    PERFORM card_issuer.own_company();
    PERFORM card_issuer.require_load(print_permission.message);
    SELECT l.app_id, l.status, l.inherits, l.fee, l.currency,
           c.platform_type,
           CASE WHEN screissue.method_of(c.platform_type) = 1
                THEN l.card_id END AS card_id
      INTO STRICT load
      FROM card_issuer.app_load l
      JOIN card_issuer.card c ON c.card_id = l.card_id
     WHERE l.message_id = print_permission.message;
    IF load.status <> 'permitted' THEN
        RAISE EXCEPTION 'load "%" is %, it is no permission any more',
            print_permission.message, load.status
            USING ERRCODE = 'SR009';
    END IF;
    RETURN screissue.print_paper('permission', ARRAY[
        print_permission.message::text, load.app_id::text,
        load.platform_type::text, load.card_id::text, load.inherits::text,
        load.fee::text, load.currency]);
END
$$;
COMMENT ON FUNCTION card_issuer.print_permission(screissue.message_id) IS
    'loading permission on paper';
