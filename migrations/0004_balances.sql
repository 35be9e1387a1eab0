-- An account's balance is the sum of its entries. Entries cannot be pruned by account, so each posting also appends a
-- delta to an unpartitioned tail, and folding turns the deltas it sees into the next checkpoint.
-- Balance = last checkpoint + tail, always read in one statement: folding moves deltas from one to the other.

CREATE TABLE ledger.balance_tail (
    account_id uuid NOT NULL,
    delta      bigint NOT NULL                      -- minor units; credit positive, debit negative
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX balance_tail_of_account ON ledger.balance_tail (account_id);

CREATE TABLE ledger.balance_checkpoints (
    account_id    uuid NOT NULL,
    checkpoint_no integer NOT NULL,                 -- 1, 2, 3 … per account
    tenant_id     uuid NOT NULL,                    -- the account's owner
    balance       bigint NOT NULL,                  -- minor units: the sum of all deltas folded so far
    folded        integer NOT NULL,                 -- how many deltas this fold took in
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_numbered PRIMARY KEY (account_id, checkpoint_no)
);

ALTER TABLE ledger.balance_tail ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.balance_checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- A delta is its account's, whoever posted it: a merchant's fee is a delta of the platform's account. So the tail names no
-- tenant, and the engine reads it only by accounts it has found in its tenant.
CREATE POLICY engine_by_account ON ledger.balance_tail TO ledger_engine USING (true);
CREATE POLICY engine_in_tenant ON ledger.balance_checkpoints TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY folding_everywhere ON ledger.balance_tail TO ledger_folding USING (true);
CREATE POLICY folding_everywhere ON ledger.balance_checkpoints TO ledger_folding USING (true);
CREATE POLICY auditor_reads ON ledger.balance_tail FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.balance_checkpoints FOR SELECT TO auditor USING (true);
GRANT SELECT, INSERT, DELETE ON ledger.balance_tail TO ledger_engine;
GRANT SELECT, DELETE ON ledger.balance_tail TO ledger_folding;
GRANT SELECT, INSERT ON ledger.balance_checkpoints TO ledger_engine, ledger_folding;
GRANT SELECT ON ledger.balance_tail, ledger.balance_checkpoints TO auditor;
SELECT ledger.guard('ledger.balance_checkpoints', false);
-- Rows of the tail go when they are folded; all of them at once, never.
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.balance_tail FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.balance_tail ENABLE ALWAYS TRIGGER never_truncated;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.accounts FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.accounts ENABLE ALWAYS TRIGGER never_truncated;

-- The balance of one account in minor units, and how many deltas had to be summed for it. One statement, one snapshot.
-- In PL/pgSQL, which keeps its plan: a function in SQL is planned at every call. One plan for all accounts, because those
-- with a long tail would otherwise have every other one planned anew.
CREATE FUNCTION ledger.balance_of(p_account uuid, OUT balance numeric, OUT tail_length bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT coalesce((SELECT c.balance FROM ledger.balance_checkpoints c
                      WHERE c.account_id = p_account ORDER BY c.checkpoint_no DESC LIMIT 1), 0) + coalesce(sum(t.delta), 0),
           count(*)
      INTO balance, tail_length
      FROM ledger.balance_tail t
     WHERE t.account_id = p_account;
END $$;

-- Turns the deltas of a *locked* account that are visible now into its next checkpoint. The caller holds the lock, taken
-- in a statement of its own, so that this statement's snapshot is younger than any fold before it. A posting that has
-- not committed yet keeps its delta in the tail, for the next fold, and so does what is above 20,000: a tail that could
-- only be folded whole could grow beyond what a statement's time allows, and never be folded again. Returns how many
-- deltas it took.
CREATE FUNCTION ledger.fold_locked(p_account ledger.accounts) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_folded integer;
BEGIN
    WITH taken AS (
        DELETE FROM ledger.balance_tail
         WHERE ctid = ANY (ARRAY(SELECT ctid FROM ledger.balance_tail WHERE account_id = p_account.account_id LIMIT 20000))
        RETURNING delta
    ), last AS (
        SELECT checkpoint_no, balance FROM ledger.balance_checkpoints
         WHERE account_id = p_account.account_id ORDER BY checkpoint_no DESC LIMIT 1
    )
    INSERT INTO ledger.balance_checkpoints (account_id, checkpoint_no, tenant_id, balance, folded)
    SELECT p_account.account_id,
           coalesce((SELECT checkpoint_no FROM last), 0) + 1,
           p_account.tenant_id,
           coalesce((SELECT balance FROM last), 0) + sum(delta),
           count(*)
      FROM taken
    HAVING count(*) > 0
    RETURNING folded INTO v_folded;
    RETURN coalesce(v_folded, 0);
END $$;

-- The accounts whose tail is long, longest first.
CREATE FUNCTION ledger.accounts_to_fold(p_at_least integer, p_most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT account_id FROM ledger.balance_tail
     GROUP BY account_id HAVING count(*) >= p_at_least
     ORDER BY count(*) DESC LIMIT p_most;
END;

-- Folds one account; returns how many deltas it took. Safe at any time, twice, and beside postings.
CREATE FUNCTION ledger.fold(p_account uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_account ledger.accounts;
BEGIN
    SELECT * INTO v_account FROM ledger.accounts WHERE account_id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('account_lock_missed', 'an account that was there could not be locked');
    END IF;
    RETURN ledger.fold_locked(v_account);
END $$;

GRANT EXECUTE ON FUNCTION ledger.balance_of(uuid), ledger.fold_locked(ledger.accounts) TO ledger_engine, ledger_folding;
GRANT EXECUTE ON FUNCTION ledger.balance_of(uuid) TO auditor;

-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION ledger.accounts_to_fold(integer, integer), ledger.fold(uuid) TO folder;
GRANT CREATE ON SCHEMA ledger TO ledger_folding;
ALTER FUNCTION ledger.accounts_to_fold(integer, integer) OWNER TO ledger_folding;
ALTER FUNCTION ledger.fold(uuid) OWNER TO ledger_folding;
REVOKE CREATE ON SCHEMA ledger FROM ledger_folding;
