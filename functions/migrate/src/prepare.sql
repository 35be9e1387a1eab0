DO $prepare$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('public.applied_migrations', 0));
    PERFORM set_config('client_min_messages', 'warning', true);
    PERFORM set_config('lock_timeout', '5s', true);
    PERFORM set_config('statement_timeout', '40s', true);
    PERFORM set_config('idle_in_transaction_session_timeout', '15s', true);
    CREATE TABLE IF NOT EXISTS public.applied_migrations (
        file text PRIMARY KEY,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    );
END $prepare$;
