-- Up to where the books are proved. Reconciliation looks at what is new since; what it knows of the past is here.
--
-- Numbers are of database transactions (posted_in). A run ends below every transaction that runs when it begins: all below
-- have ended, nothing can be added to what was looked at. One that commits later has a number from there on, whatever its time.

CREATE ROLE ledger_proving NOLOGIN;   -- owns the proving of balances; crosses tenants, reads money and writes what it read
GRANT ledger_proving TO ledger_owner WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA ledger TO ledger_proving;
GRANT EXECUTE ON FUNCTION ledger.refuse(text, text) TO ledger_proving;
-- It writes down what it has proved, through the functions below, and still holds no right to write any table.
ALTER ROLE auditor RESET default_transaction_read_only;

-- One row for each run whose checks of the books were all carried out.
CREATE TABLE ledger.proofs (
    proof_no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_transaction bigint NOT NULL,               -- the first number that was looked at
    to_transaction   bigint NOT NULL,               -- the first that was not
    began_at         timestamptz NOT NULL,          -- when the run began, by this database's clock
    proved_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT proofs_forward CHECK (from_transaction <= to_transaction)
);

-- The sum of each account's entries below a number. What a run finds beside it stays until it is gone.
CREATE TABLE ledger.proved_balances (
    account_id    uuid PRIMARY KEY,
    proved_to     bigint NOT NULL,                  -- the last slice that held an entry of this account ended here
    balance       numeric NOT NULL,                 -- minor units: the sum of all entries below that
    differs_by    numeric NOT NULL DEFAULT 0,       -- minor units: checkpoint and tail, less the entries, when last compared
    differs_since timestamptz,
    CONSTRAINT proved_balances_differ_whole CHECK ((differs_by <> 0) = (differs_since IS NOT NULL))
);
CREATE INDEX proved_balances_by_number ON ledger.proved_balances (proved_to, account_id);

ALTER TABLE ledger.proofs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.proved_balances ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY proving_everywhere ON ledger.proofs TO ledger_proving USING (true);
CREATE POLICY proving_everywhere ON ledger.proved_balances TO ledger_proving USING (true);
CREATE POLICY proving_reads ON ledger.ledger_entries FOR SELECT TO ledger_proving USING (true);
CREATE POLICY proving_reads ON ledger.balance_tail FOR SELECT TO ledger_proving USING (true);
CREATE POLICY proving_reads ON ledger.balance_checkpoints FOR SELECT TO ledger_proving USING (true);
CREATE POLICY auditor_reads ON ledger.proofs FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.proved_balances FOR SELECT TO auditor USING (true);
GRANT SELECT ON ledger.ledger_entries, ledger.balance_tail, ledger.balance_checkpoints TO ledger_proving;
GRANT SELECT, INSERT ON ledger.proofs TO ledger_proving;
GRANT SELECT, INSERT, UPDATE ON ledger.proved_balances TO ledger_proving;
GRANT SELECT ON ledger.proofs, ledger.proved_balances TO auditor;
SELECT ledger.guard('ledger.proofs', false);
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.proved_balances FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.proved_balances ENABLE ALWAYS TRIGGER never_removed;

-- Adds the entries from where the balances are proved up to p_to to the proved balances; returns how many there were, and
-- nothing if that is proved already. Twice, it counts once: the second begins where the first ended. p_to must lie below every
-- transaction that runs.
CREATE FUNCTION ledger.prove_balances(p_to bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_from bigint;
    v_entries bigint;
BEGIN
    -- One at a time, and what follows sees what the one before wrote.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.prove_balances', 0));
    IF p_to > pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN
        PERFORM ledger.refuse('proof_beyond_horizon', 'a transaction below that number is still running');
    END IF;
    v_from := coalesce((SELECT max(proved_to) FROM ledger.proved_balances), 0);
    WITH added AS (
        SELECT account_id, sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) AS signed, count(*) AS entries
          FROM ledger.ledger_entries
         WHERE posted_in::text::bigint >= v_from AND posted_in::text::bigint < p_to
         GROUP BY account_id
    ), proved AS (
        INSERT INTO ledger.proved_balances AS p (account_id, proved_to, balance)
        SELECT account_id, p_to, signed FROM added
            ON CONFLICT (account_id) DO UPDATE SET proved_to = EXCLUDED.proved_to, balance = p.balance + EXCLUDED.balance
    )
    SELECT coalesce(sum(entries), 0) INTO v_entries FROM added;
    RETURN v_entries;
END $$;

-- Compares up to p_most accounts behind p_after and not behind p_until, in the order of their ids, with checkpoint and tail. One
-- statement, one snapshot: entries that are not proved yet stand on both sides. Returns how many were compared, the last, and those
-- that differ.
CREATE FUNCTION ledger.compare_balances(
    p_after uuid, p_until uuid, p_most integer,
    OUT compared bigint, OUT last_account uuid, OUT differing jsonb   -- [{"account", "proved", "held", "since"}], minor units
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    WITH page AS MATERIALIZED (
        SELECT * FROM ledger.proved_balances
         WHERE account_id > p_after AND account_id <= p_until ORDER BY account_id LIMIT p_most
    ), late AS MATERIALIZED (
        SELECT account_id, sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) AS signed
          FROM ledger.ledger_entries
         WHERE posted_in::text::bigint >= coalesce((SELECT max(proved_to) FROM ledger.proved_balances), 0) GROUP BY account_id
    ), told AS MATERIALIZED (
        SELECT p.account_id, p.differs_by, p.differs_since, p.balance + coalesce(l.signed, 0) AS proved,
               coalesce((SELECT c.balance FROM ledger.balance_checkpoints c
                          WHERE c.account_id = p.account_id ORDER BY c.checkpoint_no DESC LIMIT 1), 0)
               + (SELECT coalesce(sum(t.delta), 0) FROM ledger.balance_tail t WHERE t.account_id = p.account_id) AS held
          FROM page p LEFT JOIN late l USING (account_id)
    ), marked AS (
        UPDATE ledger.proved_balances b
           SET differs_by = told.held - told.proved,
               differs_since = CASE WHEN told.held <> told.proved THEN coalesce(b.differs_since, now()) END
          FROM told
         WHERE b.account_id = told.account_id AND told.held - told.proved <> told.differs_by
    )
    SELECT count(*), (SELECT t.account_id FROM told t ORDER BY t.account_id DESC LIMIT 1),
           coalesce(jsonb_agg(jsonb_build_object('account', told.account_id, 'proved', told.proved::text, 'held', told.held::text,
                                                 'since', coalesce(told.differs_since, now())) ORDER BY told.account_id)
                    FILTER (WHERE told.held <> told.proved), '[]')
      INTO compared, last_account, differing
      FROM told;
END $$;

-- Writes down that the books are proved from p_from up to p_to, unless another run has gone on from there meanwhile.
-- Returns whether it did.
CREATE FUNCTION ledger.record_proof(p_from bigint, p_to bigint, p_began timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.record_proof', 0));
    IF p_to > pg_snapshot_xmin(pg_current_snapshot())::text::bigint THEN
        PERFORM ledger.refuse('proof_beyond_horizon', 'a transaction below that number is still running');
    END IF;
    SELECT to_transaction INTO v_last FROM ledger.proofs ORDER BY proof_no DESC LIMIT 1;
    IF v_last IS NOT NULL AND v_last <> p_from THEN
        RETURN false;
    END IF;
    INSERT INTO ledger.proofs (from_transaction, to_transaction, began_at) VALUES (p_from, p_to, p_began);
    RETURN true;
END $$;

-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.prove_balances(bigint),
    ledger.compare_balances(uuid, uuid, integer),
    ledger.record_proof(bigint, bigint, timestamptz) TO auditor;
GRANT CREATE ON SCHEMA ledger TO ledger_proving;
ALTER FUNCTION ledger.prove_balances(bigint) OWNER TO ledger_proving;
ALTER FUNCTION ledger.compare_balances(uuid, uuid, integer) OWNER TO ledger_proving;
ALTER FUNCTION ledger.record_proof(bigint, bigint, timestamptz) OWNER TO ledger_proving;
REVOKE CREATE ON SCHEMA ledger FROM ledger_proving;

-- What is looked up by its age, here and by external statements, so that a night costs a night and not the history. Intents whose
-- client keys carry no time lie in one partition, in the order in which they were written and in no order of their keys. A
-- summary of each few pages is small and costs a posting next to nothing.
CREATE INDEX transactions_by_time ON ledger.ledger_transactions USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX settlements_ended ON ledger.settlements (ended_at, settlement_id) WHERE ended_at IS NOT NULL;
