-- What the digest is made of: every transaction with its entries, as domain::digest::leaf has them.

-- RFC 3339 in UTC with six decimals; empty for what lies outside of that, which nothing but tampering writes.
CREATE FUNCTION ledger.moment(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN CASE WHEN p_at >= '0001-01-01Z' AND p_at < '10000-01-01Z'
            THEN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE '' END;

-- A row per entry, with the intent beside it, or nulls where there is none. Read with the rights and under the policies of whoever asks.
-- OFFSET 0 keeps the intents a look-up by key: joined in any other way, all of them would be read.
CREATE VIEW ledger.leaves WITH (security_invoker = true) AS
    SELECT e.posted_in::text::bigint AS number, e.idempotency_key AS ledger_key, e.id, e.account_id, e.entry_type::text AS entry_type,
           e.amount, e.currency::text AS currency, e.tenant_id, ledger.moment(e.created_at) AS created_at, e.transaction_id,
           t.tenant_id AS intent_tenant, t.kind, t.outcome, t.source, t.destination, t.amount AS intent_amount,
           t.currency::text AS intent_currency, t.fingerprint, ledger.moment(t.created_at) AS intent_created_at
      FROM ledger.ledger_entries e
      LEFT JOIN LATERAL (SELECT * FROM ledger.ledger_transactions t WHERE t.ledger_key = e.transaction_id OFFSET 0) t ON true;
GRANT SELECT ON ledger.leaves TO auditor, ledger_engine;
-- An auditor who is shown no entry must know whether there are any.
GRANT SELECT ON SEQUENCE ledger.ledger_entries_id_seq TO auditor;
GRANT EXECUTE ON FUNCTION ledger.moment(timestamptz) TO auditor, ledger_engine;

-- One transaction of this tenant's, for its proof. No row: it has none under that id, or none that moved money. Of the platform's
-- side of a fee the intent is not shown beside it.
CREATE FUNCTION ledger.leaves_of(p_tenant uuid, p_key uuid) RETURNS SETOF ledger.leaves
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    PERFORM FROM ledger.ledger_transactions t WHERE t.ledger_key = p_key AND t.tenant_id = p_tenant;
    IF FOUND THEN
        RETURN QUERY SELECT * FROM ledger.leaves l WHERE l.ledger_key = p_key;
        PERFORM set_config('app.tenant_id', ledger.platform()::text, true);
        RETURN QUERY SELECT * FROM ledger.leaves l WHERE l.ledger_key = p_key;
    END IF;
END $$;

GRANT EXECUTE ON FUNCTION ledger.leaves_of(uuid, uuid) TO reader;
GRANT CREATE ON SCHEMA ledger TO ledger_engine;
ALTER FUNCTION ledger.leaves_of(uuid, uuid) OWNER TO ledger_engine;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine;
