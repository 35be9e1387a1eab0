CREATE OR REPLACE FUNCTION pg_temp.apply_migration(p_file text, p_sha256 text, p_sql text) RETURNS text
LANGUAGE plpgsql AS $apply$
BEGIN
    EXECUTE p_sql;
    INSERT INTO public.applied_migrations (file, sha256) VALUES (p_file, p_sha256);
    RETURN p_file;
END $apply$;
