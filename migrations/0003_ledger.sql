-- The ledger itself: intents and entries, append-only, partitioned by the ledger key.
--
-- A ledger key (UUIDv8, domain::ledger_key) begins with the 48 bits of its client key's own time in milliseconds, or
-- with a zero byte when the client key carries none. Partitioning by the *key* instead of by time keeps the UNIQUE
-- below global: the same key always meets the same partition.
--
-- Columns stand in the order of their alignment: padding would be written ahead and kept for seven years.

CREATE TYPE ledger.ledger_entry_type AS ENUM ('DEBIT', 'CREDIT');

-- What was asked under a key and what the ledger decided, once and for ever. Posted and refused alike: a declined key
-- stays declined. Everything the answer is rendered from is here, so that it can be rebuilt byte for byte.
CREATE TABLE ledger.ledger_transactions (
    ledger_key     uuid NOT NULL,                   -- also the transaction's and the payment's id
    tenant_id      uuid NOT NULL,
    amount         bigint NOT NULL,                 -- minor units
    created_at     timestamptz NOT NULL DEFAULT now(),
    source         uuid NOT NULL,                   -- debited account, as asked: it need not exist in a refusal
    destination    uuid NOT NULL,                   -- credited account, likewise
    answer_version smallint NOT NULL,               -- which rendering the answer was given in
    currency       char(3) NOT NULL,                -- ISO 4217
    kind           text NOT NULL,                   -- payment, deposit, settlement, refund, reversal; or the action of a settlement
    outcome        text NOT NULL,                   -- posted, accepted, or the refusal (domain::outcome); of an action, settlement::log
    fingerprint    bytea NOT NULL,                  -- SHA-256 of what was asked; 32 bytes
    details        jsonb NOT NULL,                  -- description, metadata, card token: for the answer only
    CONSTRAINT transactions_one_per_key PRIMARY KEY (ledger_key),
    CONSTRAINT transactions_amount_positive CHECK (amount > 0),
    -- What was refused may have been anything; money only ever moves between two accounts.
    CONSTRAINT transactions_two_accounts CHECK (source <> destination OR outcome <> 'posted'),
    CONSTRAINT transactions_fingerprint_length CHECK (octet_length(fingerprint) = 32)
) PARTITION BY RANGE (ledger_key);

-- Double entry: a transaction is one debit and one credit of the same amount.
CREATE TABLE ledger.ledger_entries (
    id              bigserial NOT NULL,             -- order of numbering, not of commit
    amount          bigint NOT NULL,                -- minor units, never negative: the side is the entry_type
    created_at      timestamptz NOT NULL DEFAULT now(),
    posted_in       xid8 NOT NULL DEFAULT pg_current_xact_id(), -- below every running transaction's: settled (ledger.account_entries)
    account_id      uuid NOT NULL,
    transaction_id  uuid NOT NULL,
    idempotency_key uuid NOT NULL,                  -- the ledger key
    tenant_id       uuid NOT NULL,                  -- the account's owner
    entry_type      ledger.ledger_entry_type NOT NULL,
    currency        char(3) NOT NULL,               -- ISO 4217
    -- The hard guard. It holds for any writer, with the gate, the intent row and every function out of the way.
    CONSTRAINT entries_once UNIQUE (idempotency_key, account_id, entry_type),
    CONSTRAINT entries_amount_positive CHECK (amount > 0),
    -- One id in two roles: it groups the entries and it guards them. Equal, so that the guard's index finds both.
    CONSTRAINT entries_transaction_is_its_key CHECK (transaction_id = idempotency_key)
) PARTITION BY RANGE (idempotency_key);

CREATE INDEX entries_of_account ON ledger.ledger_entries (account_id, id);
-- What was written since a horizon, so that a night's reading costs the night and not the history. A number is no order of keys but of
-- time, and so are the pages: a summary of each range of them is small, and costs a posting next to nothing. xid8 has no class of its own.
CREATE INDEX entries_by_number ON ledger.ledger_entries USING brin ((posted_in::text::bigint)) WITH (pages_per_range = 32, autosummarize = on);

ALTER TABLE ledger.ledger_transactions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.ledger_entries ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.ledger_transactions TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY engine_in_tenant ON ledger.ledger_entries TO ledger_engine USING (tenant_id = ledger.current_tenant());
-- A merchant's fee is an entry of the platform's. Written by the merchant's posting, and read by the platform alone.
CREATE POLICY engine_to_platform ON ledger.ledger_entries FOR INSERT TO ledger_engine WITH CHECK (tenant_id = ledger.platform());
CREATE POLICY auditor_reads ON ledger.ledger_transactions FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.ledger_entries FOR SELECT TO auditor USING (true);
-- No UPDATE. No DELETE. Corrections are new transactions.
GRANT SELECT, INSERT ON ledger.ledger_transactions, ledger.ledger_entries TO ledger_engine;
GRANT USAGE ON SEQUENCE ledger.ledger_entries_id_seq TO ledger_engine;
GRANT SELECT ON ledger.ledger_transactions, ledger.ledger_entries TO auditor;

-- Its own search_path, here and below: the guards must not read an operator of the writer's choosing.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'OL002', CONSTRAINT = 'append_only',
        MESSAGE = format('%s on %I refused: the ledger is append-only', TG_OP, TG_TABLE_NAME);
END $$;

CREATE FUNCTION ledger.refuse_imbalance() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_transaction uuid;
BEGIN
    SELECT transaction_id INTO v_transaction
      FROM inserted
     GROUP BY transaction_id, currency
    HAVING sum(CASE entry_type WHEN 'CREDIT' THEN amount ELSE -amount END) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'OL002', CONSTRAINT = 'zero_sum',
            MESSAGE = format('transaction %s does not sum to zero', v_transaction);
    END IF;
    RETURN NULL;
END $$;

-- Puts the guards on one table. A trigger that fires per statement on a partitioned table does not fire when one of its
-- partitions is named directly, so every partition carries its own; ALWAYS, because a session that plays a replica
-- (session_replication_role) skips every other trigger.
CREATE FUNCTION ledger.guard(p_table regclass, p_is_entries boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', p_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', p_table);
    IF p_is_entries THEN
        EXECUTE format('CREATE TRIGGER zero_sum AFTER INSERT ON %s REFERENCING NEW TABLE AS inserted
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_imbalance()', p_table);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER zero_sum', p_table);
    END IF;
END $$;

-- Adds the partition of both tables that holds the keys in [p_from, p_to). NULL for p_from: everything below.
CREATE FUNCTION ledger.add_partition(p_suffix text, p_from uuid, p_to uuid) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_table text;
    v_partition text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['ledger_transactions', 'ledger_entries'] LOOP
        v_partition := format('ledger.%I', v_table || '_' || p_suffix);
        EXECUTE format('CREATE TABLE %s PARTITION OF ledger.%I FOR VALUES FROM (%s) TO (%L)',
                       v_partition, v_table, coalesce(quote_literal(p_from), 'MINVALUE'), p_to);
        -- Forced and without any policy: a partition named directly shows nothing to anyone.
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', v_partition);
        PERFORM ledger.guard(v_partition::regclass, v_table = 'ledger_entries');
    END LOOP;
    -- A violation names the partition's own constraint; the functions know it by this ending.
    EXECUTE format('ALTER TABLE ledger.%I RENAME CONSTRAINT %I TO %I', 'ledger_entries_' || p_suffix,
        (SELECT conname FROM pg_constraint WHERE contype = 'u'
            AND conrelid = format('ledger.%I', 'ledger_entries_' || p_suffix)::regclass),
        p_suffix || '_entries_once');
END $$;

-- The least key that carries the time `p_at`.
CREATE FUNCTION ledger.least_key_at(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;

SELECT ledger.guard('ledger.ledger_transactions', false), ledger.guard('ledger.ledger_entries', true);

-- Ten years of months and one partition below them for keys without a time. No default partition: a key above the last
-- month fails loudly instead of gathering where nobody looks.
SELECT ledger.add_partition('untimed', NULL, ledger.least_key_at('2026-01-01Z'));
SELECT ledger.add_partition(to_char(month AT TIME ZONE 'UTC', '"y"YYYY"m"MM'),
                            ledger.least_key_at(month),
                            ledger.least_key_at(((month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'))
  FROM generate_series(timestamp '2026-01-01', timestamp '2036-12-01', interval '1 month') AS utc,
       LATERAL (SELECT utc AT TIME ZONE 'UTC' AS month) AS at;
