-- Opening accounts and reading what is there: each one statement for the function that sends it, each inside one tenant.

-- Makes p_tenant a merchant with an escrow and an external account in each currency, and gives the house a platform
-- account in each. Ids are derived by the caller (domain::ids), so a repeat finds what is there. Arrays run in parallel.
-- Returns the merchant's accounts; `created` says whether the merchant is new.
CREATE FUNCTION ledger.onboard_merchant(
    p_tenant uuid, p_currencies text[], p_escrows uuid[], p_externals uuid[],
    p_platform_tenant uuid, p_platforms uuid[]
) RETURNS TABLE (created boolean, account_id uuid, purpose text, currency text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_created boolean;
BEGIN
    PERFORM set_config('app.tenant_id', p_platform_tenant::text, true);
    INSERT INTO ledger.accounts (account_id, tenant_id, purpose, currency)
    SELECT u.id, p_platform_tenant, 'platform', u.currency FROM unnest(p_platforms, p_currencies) AS u (id, currency)
     ORDER BY u.id
        ON CONFLICT DO NOTHING;

    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    INSERT INTO ledger.merchants (tenant_id) VALUES (p_tenant) ON CONFLICT DO NOTHING;
    v_created := FOUND;
    INSERT INTO ledger.accounts (account_id, tenant_id, purpose, currency)
    SELECT u.id, p_tenant, u.purpose, u.currency
      FROM (SELECT e.id, 'escrow', e.currency FROM unnest(p_escrows, p_currencies) AS e (id, currency)
            UNION ALL
            SELECT x.id, 'external', x.currency FROM unnest(p_externals, p_currencies) AS x (id, currency)
           ) AS u (id, purpose, currency)
     ORDER BY u.id
        ON CONFLICT DO NOTHING;
    RETURN QUERY
        SELECT v_created, a.account_id, a.purpose, a.currency::text
          FROM ledger.accounts a
         WHERE a.tenant_id = p_tenant AND a.purpose IN ('escrow', 'external')
         ORDER BY a.currency, a.purpose;
END $$;

-- Opens a buyer's or merchant's account under an id derived from the caller's key; a repeat returns what is there.
-- `verdict`: opened, replayed (the same was asked before), mismatched (the key opened another account).
-- Fails by the name `currency_not_enabled` when the merchant was not onboarded in that currency.
CREATE FUNCTION ledger.open_account(
    p_tenant uuid, p_account uuid, p_purpose text, p_currency text, p_floor bigint, p_external uuid
) RETURNS TABLE (verdict text, account_id uuid, purpose text, currency text, floor bigint, created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_opened boolean;
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    IF p_purpose NOT IN ('buyer', 'merchant') THEN
        PERFORM ledger.refuse('purpose_not_open', 'only buyer and merchant accounts are opened by merchants');
    END IF;
    PERFORM FROM ledger.accounts a WHERE a.account_id = p_external AND a.purpose = 'external' AND a.currency = p_currency;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('currency_not_enabled', 'the merchant is not onboarded in this currency');
    END IF;
    INSERT INTO ledger.accounts (account_id, tenant_id, purpose, currency, floor)
    VALUES (p_account, p_tenant, p_purpose, p_currency, p_floor)
        ON CONFLICT DO NOTHING;
    v_opened := FOUND;
    RETURN QUERY
        SELECT CASE WHEN v_opened THEN 'opened'
                    WHEN a.purpose = p_purpose AND a.currency = p_currency AND a.floor IS NOT DISTINCT FROM p_floor THEN 'replayed'
                    ELSE 'mismatched' END,
               a.account_id, a.purpose, a.currency::text, a.floor, a.created_at
          FROM ledger.accounts a WHERE a.account_id = p_account;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('account_taken_but_hidden', 'the account id is taken by a row that this tenant cannot see');
    END IF;
END $$;

-- One account with its balance in minor units. No row: there is none of this tenant.
CREATE FUNCTION ledger.account(p_tenant uuid, p_account uuid)
RETURNS TABLE (account_id uuid, purpose text, currency text, floor bigint, frozen boolean, balance text, created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    RETURN QUERY
        SELECT a.account_id, a.purpose, a.currency::text, a.floor, a.frozen_at IS NOT NULL, b.balance::text, a.created_at
          FROM ledger.accounts a, LATERAL ledger.balance_of(a.account_id) b
         WHERE a.account_id = p_account AND a.tenant_id = p_tenant;
END $$;

-- A page of an account's entries, newest first, below p_before (an entry id; NULL: from the top).
-- Entries are numbered before they commit, so a page taken at any moment can miss a number that commits later. Pages
-- stop at a horizon instead: only entries of transactions below every transaction that still runs. p_horizon is NULL for
-- the first page; the one returned is passed on, and every page of the walk then sees the same set.
-- p_as_of (NULL: now; else at least a minute back, which the caller sees to) leaves out entries of transactions begun
-- after it. Every posting of that time has ended, so that created_at alone fixes the set; the horizon would leave out
-- what a long transaction of anybody's holds back. And what is a day old is settled whatever its number says: the
-- numbers of transactions begin anew when the ledger is moved to another server.
-- No row at all: no such account of this tenant. An account without entries is one row whose entry is NULL.
CREATE FUNCTION ledger.account_entries(
    p_tenant uuid, p_account uuid, p_before bigint, p_horizon text, p_as_of timestamptz, p_most integer
) RETURNS TABLE (
    horizon text, id bigint, transaction_id uuid, entry_type text, amount bigint, currency text, created_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_settled xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_horizon xid8 := least(coalesce(p_horizon::xid8, v_settled), v_settled);
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    RETURN QUERY
        SELECT v_horizon::text, e.id, e.transaction_id, e.entry_type::text, e.amount, e.currency::text, e.created_at
          FROM ledger.accounts a
          LEFT JOIN LATERAL (
                SELECT * FROM ledger.ledger_entries e
                 WHERE e.account_id = p_account
                   AND e.id < coalesce(p_before, 9223372036854775807)
                   AND (e.posted_in < v_horizon OR e.created_at <= p_as_of OR e.created_at < now() - interval '1 day')
                   AND e.created_at <= coalesce(p_as_of, 'infinity')
                 ORDER BY e.id DESC LIMIT p_most
               ) e ON true
         WHERE a.account_id = p_account AND a.tenant_id = p_tenant
         ORDER BY e.id DESC;
END $$;

-- What a client asked for, by its ledger key, which is also its id. No row: there is none of this tenant; a settlement's actions are in
-- its log (ledger.settlement).
CREATE FUNCTION ledger.transaction(p_tenant uuid, p_key uuid)
RETURNS TABLE (
    ledger_key uuid, kind text, fingerprint bytea, outcome text, source uuid, destination uuid,
    amount bigint, currency text, details jsonb, answer_version smallint, created_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    RETURN QUERY
        SELECT t.ledger_key, t.kind, t.fingerprint, t.outcome, t.source, t.destination, t.amount, t.currency::text,
               t.details, t.answer_version, t.created_at
          FROM ledger.ledger_transactions t
         WHERE t.ledger_key = p_key AND t.tenant_id = p_tenant AND t.kind IN ('payment', 'deposit', 'settlement', 'refund', 'reversal');
END $$;

-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.onboard_merchant(uuid, text[], uuid[], uuid[], uuid, uuid[]),
    ledger.open_account(uuid, uuid, text, text, bigint, uuid) TO registrar;
GRANT EXECUTE ON FUNCTION
    ledger.account(uuid, uuid),
    ledger.account_entries(uuid, uuid, bigint, text, timestamptz, integer),
    ledger.transaction(uuid, uuid) TO reader;
GRANT CREATE ON SCHEMA ledger TO ledger_engine;
ALTER FUNCTION ledger.onboard_merchant(uuid, text[], uuid[], uuid[], uuid, uuid[]) OWNER TO ledger_engine;
ALTER FUNCTION ledger.open_account(uuid, uuid, text, text, bigint, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.account(uuid, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.account_entries(uuid, uuid, bigint, text, timestamptz, integer) OWNER TO ledger_engine;
ALTER FUNCTION ledger.transaction(uuid, uuid) OWNER TO ledger_engine;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine;
