-- What the extension contains.  First test of the suite: makes the extension
-- that the others use.  Each query below returns what should not be there.
CREATE EXTENSION screissue;

CREATE VIEW pg_temp.member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
  FROM pg_depend d
  JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
 WHERE e.extname = 'screissue'
   AND d.deptype = 'e';
CREATE VIEW pg_temp.function AS
SELECT p.*, n.nspname, p.oid::regprocedure AS signature,
       has_function_privilege('public', p.oid, 'EXECUTE') AS is_public
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider');

-- Three schemas, and all that is in them, belong to it.
SELECT object FROM pg_temp.member WHERE classid = 'pg_namespace'::regclass ORDER BY object;
SELECT f.signature AS no_member
  FROM pg_temp.function f
 WHERE NOT EXISTS (SELECT FROM pg_temp.member m
                    WHERE m.classid = 'pg_proc'::regclass AND m.objid = f.oid);

-- No member is a table, a view, a sequence, a trigger or a publication.
SELECT object AS not_a_member
  FROM pg_temp.member
 WHERE classid NOT IN ('pg_namespace'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass,
                       'pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,
                       'pg_cast'::regclass);
SELECT c.oid::regclass AS relation_before_setup
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
   AND c.relkind <> 'c';

-- The control file: fixed schemas, superuser, not trusted.
SELECT DISTINCT relocatable, superuser, trusted, schema, requires
  FROM pg_available_extension_versions WHERE name = 'screissue';

-- Every object has a comment: a noun phrase without a full stop.
SELECT m.object AS without_comment
  FROM pg_temp.member m
  JOIN pg_class c ON c.oid = m.classid
 WHERE coalesce(obj_description(m.objid, c.relname), '') = ''
   AND NOT (m.classid = 'pg_type'::regclass
            AND EXISTS (SELECT FROM pg_type t WHERE t.oid = m.objid AND t.typelem <> 0 AND t.typcategory = 'A'))
 ORDER BY m.object;
SELECT m.object AS comment_form, obj_description(m.objid, c.relname)
  FROM pg_temp.member m
  JOIN pg_class c ON c.oid = m.classid
 WHERE obj_description(m.objid, c.relname) ~ '(\.$|\s$|^\s|\n)';

-- SECURITY DEFINER only with a pinned search_path that ends in pg_temp, and
-- only in the role schemas.
SELECT f.signature AS unpinned_definer
  FROM pg_temp.function f
 WHERE f.prosecdef
   AND NOT coalesce(f.proconfig @> '{"search_path=pg_catalog, screissue, pg_temp"}'
                    OR f.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false);
SELECT f.signature AS definer_in_types FROM pg_temp.function f WHERE f.prosecdef AND f.nspname = 'screissue';
-- A procedure that commits takes no SET clause and is no definer.
SELECT f.signature AS procedure_with_set
  FROM pg_temp.function f WHERE f.prokind = 'p' AND (f.prosecdef OR f.proconfig IS NOT NULL);

-- PUBLIC executes nothing in the role schemas, and of schema screissue only
-- what belongs to the types.
SELECT f.signature AS executable_by_public
  FROM pg_temp.function f WHERE f.is_public AND f.nspname <> 'screissue';
SELECT f.signature AS executable_by_public
  FROM pg_temp.function f
 WHERE f.is_public AND f.nspname = 'screissue'
   AND f.proname !~ '^(company_id|app_id|card_id|message_id|card_attribute)(_|$)'
   AND f.proname NOT IN ('issuer', 'provider', 'sequence', 'scheme', 'key_id', 'ciphertext', 'rid', 'pix',
                         'mask', 'luhn_valid', 'mod97_valid', 'min', 'max');
SELECT f.signature AS not_executable_by_public
  FROM pg_temp.function f
 WHERE NOT f.is_public AND f.nspname = 'screissue'
   AND (f.proname ~ '^(company_id|app_id|card_id|message_id|card_attribute)(_|$)'
        OR f.proname IN ('issuer', 'provider', 'sequence', 'scheme', 'key_id', 'ciphertext', 'rid', 'pix',
                         'mask', 'luhn_valid', 'mod97_valid', 'min', 'max'));
SELECT n.nspname, has_schema_privilege('public', n.oid, 'USAGE') AS public_usage,
       has_schema_privilege('public', n.oid, 'CREATE') AS public_create
  FROM pg_namespace n
 WHERE n.nspname IN ('screissue', 'card_issuer', 'service_provider')
 ORDER BY n.nspname;

-- One name, one function: untyped parameters of drivers must resolve.  Only
-- accessors of types and aggregates share names.
SELECT f.nspname, f.proname AS overloaded
  FROM pg_temp.function f
 GROUP BY f.nspname, f.proname
HAVING count(*) > 1
   AND NOT (f.nspname = 'screissue' AND (bool_and(f.prokind = 'a') OR bool_and(f.pronargs = 1)
                                         OR f.proname IN ('card_attribute', 'message_id')));

-- Nothing is owned by another, or leakproof that can raise.
-- PL/pgSQL of the role schemas pins its path.
SELECT f.signature AS owner FROM pg_temp.function f WHERE f.proowner <> 10;
SELECT f.signature AS leakproof
  FROM pg_temp.function f
 WHERE f.proleakproof AND f.proname !~ '_(eq|ne|lt|le|gt|ge|cmp|hash|hash_extended|larger|smaller)$';
SELECT f.signature AS unpinned
  FROM pg_temp.function f
  JOIN pg_language l ON l.oid = f.prolang
 WHERE f.nspname <> 'screissue' AND l.lanname = 'plpgsql' AND f.proconfig IS NULL AND f.prokind = 'f';
