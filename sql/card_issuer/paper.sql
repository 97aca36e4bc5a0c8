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

-- What a provider would be told: asks as inquire does, by attribute, or as
-- find_reissue does, by card id; a card whose id only the issuer may read is
-- unknown by it (R42).
-- Errors: as inquire, as find_reissue.
CREATE FUNCTION card_issuer.answer(
    app screissue.app_id,
    attribute screissue.card_attribute,
    card screissue.card_id,
    printed_number text,
    OUT platform_type integer,
    OUT reissued boolean,
    OUT message_id screissue.message_id,
    OUT old_card_id screissue.card_id)
    LANGUAGE plpgsql
    VOLATILE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
BEGIN
    IF answer.attribute IS NOT NULL THEN
        SELECT i.platform_type, i.reissued, i.message_id
          INTO STRICT answer.platform_type, answer.reissued, answer.message_id
          FROM card_issuer.inquire(answer.attribute, answer.app,
                                   answer.printed_number) i;
        RETURN;
    END IF;
    SELECT f.platform_type, f.reissued, f.message_id, f.old_card_id
      INTO STRICT answer.platform_type, answer.reissued, answer.message_id,
                  answer.old_card_id
      FROM card_issuer.find_reissue(answer.card, answer.app) f;
    IF (screissue.method_of(answer.platform_type) = 1) IS NOT TRUE THEN
        answer.platform_type := 200;
        answer.reissued := false;
        answer.message_id := NULL;
        answer.old_card_id := NULL;
    END IF;
END
$$;
COMMENT ON FUNCTION card_issuer.answer(
    screissue.app_id, screissue.card_attribute, screissue.card_id, text) IS
    'what a provider would be told about a card';

-- The reply to an inquiry by attribute or by card id as a form to print, which
-- type_reply of the provider reads.  For operators.
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
    reply := card_issuer.answer(print_reply.app, print_reply.attribute,
                                print_reply.card, print_reply.printed_number);
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

-- A loading permission that a provider may be sent.  The card's id is in it only
-- where anyone can read it (R42).
-- Errors: SR008 unknown message id; SR009 it is used up.
CREATE FUNCTION card_issuer.outstanding_permission(
    message screissue.message_id,
    OUT app_id screissue.app_id,
    OUT platform_type integer,
    OUT card_id screissue.card_id,
    OUT inherits screissue.message_id,
    OUT fee numeric,
    OUT currency text)
    LANGUAGE plpgsql
    STABLE
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    load record;
BEGIN
    PERFORM card_issuer.require_load(outstanding_permission.message);
    SELECT l.app_id, l.status, l.inherits, l.fee, l.currency,
           c.platform_type,
           CASE WHEN screissue.method_of(c.platform_type) = 1
                THEN l.card_id END AS card_id
      INTO STRICT load
      FROM card_issuer.app_load l
      JOIN card_issuer.card c ON c.card_id = l.card_id
     WHERE l.message_id = outstanding_permission.message;
    IF load.status <> 'permitted' THEN
        RAISE EXCEPTION 'load "%" is %, it is no permission any more',
            outstanding_permission.message, load.status
            USING ERRCODE = 'SR009';
    END IF;
    outstanding_permission.app_id := load.app_id;
    outstanding_permission.platform_type := load.platform_type;
    outstanding_permission.card_id := load.card_id;
    outstanding_permission.inherits := load.inherits;
    outstanding_permission.fee := load.fee;
    outstanding_permission.currency := load.currency;
END
$$;
COMMENT ON FUNCTION
    card_issuer.outstanding_permission(screissue.message_id) IS
    'loading permission that was not used yet';

-- A loading permission as a form to print, which type_permission of the
-- provider reads.  For operators.
-- Errors: SR008 unknown message id; SR009 it is used up.
CREATE FUNCTION card_issuer.print_permission(message screissue.message_id)
    RETURNS text
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = pg_catalog, screissue, pg_temp
AS $$
DECLARE
    permission record;
BEGIN
    PERFORM card_issuer.own_company();
    permission := card_issuer.outstanding_permission(print_permission.message);
    RETURN screissue.print_paper('permission', ARRAY[
        print_permission.message::text, permission.app_id::text,
        permission.platform_type::text, permission.card_id::text,
        permission.inherits::text, permission.fee::text, permission.currency]);
END
$$;
COMMENT ON FUNCTION card_issuer.print_permission(screissue.message_id) IS
    'loading permission on paper';
