-- Corrections: refunds and reversals. Each is a transaction of its own, an intent row, two entries and an event like any
-- other, and a row here that names what it corrects. All corrections of a payment together are never more than it, whoever
-- writes them, and however many at once.

CREATE TABLE ledger.corrections (
    ledger_key  uuid NOT NULL,                      -- the correction's intent
    original    uuid NOT NULL,                      -- the intent it corrects: a payment, or a settlement
    tenant_id   uuid NOT NULL,                      -- of both
    amount      bigint NOT NULL,                    -- minor units
    created_at  timestamptz NOT NULL DEFAULT now(),
    number      integer NOT NULL,                   -- 1, 2, 3 … per original
    kind        text NOT NULL,                      -- refund, reversal
    CONSTRAINT corrections_one_per_key PRIMARY KEY (ledger_key),
    CONSTRAINT corrections_numbered UNIQUE (original, number),
    CONSTRAINT corrections_amount_positive CHECK (amount > 0),
    CONSTRAINT corrections_kind_known CHECK (kind IN ('refund', 'reversal')),
    -- A reversal is of the whole, so nothing can have come before it.
    CONSTRAINT corrections_reversal_alone CHECK (kind = 'refund' OR number = 1)
);
ALTER TABLE ledger.corrections ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.corrections TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY announcing_reads ON ledger.corrections FOR SELECT TO ledger_announcing USING (true);
CREATE POLICY auditor_reads ON ledger.corrections FOR SELECT TO auditor USING (true);
GRANT SELECT, INSERT ON ledger.corrections TO ledger_engine;
GRANT SELECT (ledger_key, tenant_id, original) ON ledger.corrections TO ledger_announcing;
GRANT SELECT ON ledger.corrections TO auditor;
SELECT ledger.guard('ledger.corrections', false);

-- Whether the money of an intent has moved for good, so that it can be given back. A settlement's has when it is settled:
-- until then it may undo itself, and what it undoes must not have been refunded as well.
CREATE FUNCTION ledger.is_correctable(p_original ledger.ledger_transactions) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE p_original.kind
        WHEN 'payment' THEN p_original.outcome = 'posted'
        WHEN 'settlement' THEN EXISTS (
            SELECT FROM ledger.settlements s
             WHERE s.settlement_id = p_original.ledger_key AND s.tenant_id = p_original.tenant_id AND s.status = 'settled')
        ELSE false
    END;
END $$;

-- Whether an intent that is not correctable may become so. To be asked after ledger.is_correctable, in a statement of its own:
-- a settlement that ends between the two is then told to ask again, and never that it never moved.
CREATE FUNCTION ledger.may_yet_move(p_original ledger.ledger_transactions) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN p_original.outcome = 'accepted' AND NOT EXISTS (
        SELECT FROM ledger.settlements s
         WHERE s.settlement_id = p_original.ledger_key AND s.tenant_id = p_original.tenant_id AND s.status = 'compensated');
END $$;

-- One correction of a payment at a time, until the end of the transaction. What is summed in a *later statement* is younger
-- than every correction that this one waited for.
CREATE FUNCTION ledger.lock_corrections(p_original uuid) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock(hashtextextended('corrections ' || p_original::text, 0));
END;

-- The guard that holds for any writer. It takes the lock itself, so that it needs nobody's care, and then reads what was
-- written beside it and before.
CREATE FUNCTION ledger.refuse_overcorrection() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_broken text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ledger.refuse('isolation_not_read_committed', 'a sum from before the lock would be trusted');
    END IF;
    PERFORM ledger.lock_corrections(original) FROM (SELECT DISTINCT original FROM inserted ORDER BY original) AS one_by_one;
    -- What this writer cannot see it cannot correct either: the joins find nothing, and nothing is not true.
    SELECT CASE
               WHEN (ledger.is_correctable(o) AND (c.kind = 'refund' OR o.kind = 'payment' AND c.amount = o.amount)) IS NOT TRUE
                   THEN 'corrections_of_what_moved'
               WHEN (t.kind = c.kind AND t.outcome = 'posted' AND t.amount = c.amount AND t.currency = o.currency
                     AND t.source = o.destination AND t.destination = o.source
                     AND t.details ->> 'payment' = c.original::text) IS NOT TRUE
                   THEN 'corrections_as_recorded'
               WHEN ((SELECT sum(every.amount) FROM ledger.corrections every WHERE every.original = c.original) <= o.amount) IS NOT TRUE
                   THEN 'corrections_within_payment'
           END AS name
      INTO v_broken
      FROM inserted c
      LEFT JOIN ledger.ledger_transactions o ON o.ledger_key = c.original AND o.tenant_id = c.tenant_id
      LEFT JOIN ledger.ledger_transactions t ON t.ledger_key = c.ledger_key AND t.tenant_id = c.tenant_id
     ORDER BY name LIMIT 1;
    IF v_broken IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'OL002', CONSTRAINT = v_broken,
            MESSAGE = 'a correction of what never moved, of other than its intent says, or of more than there is';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER within_payment AFTER INSERT ON ledger.corrections
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_overcorrection();
ALTER TABLE ledger.corrections ENABLE ALWAYS TRIGGER within_payment;

-- What the ledger would answer to this correction if its key is new, and what it would move: the payment's destination is
-- debited, its source credited. p_terms: {"corrects": the payment's id}; p_amount: NULL for all that there is.
-- Outcomes beside those of ledger.decide:
--   refund_above_payment, payment_already_corrected    refusals, recorded like any other
--   payment_never_posted, not_reversible, not_a_payment  refusals too: nothing can change them
--   payment_unknown, payment_not_posted                ledger.post fails by these names if the key is new. Nothing is
--                                                      recorded: the payment may come, or be settled, yet
-- Locks: the payment's corrections, then the account. What holds an account never waits for corrections.
CREATE FUNCTION ledger.decide_correction(
    p_tenant uuid, p_kind text, p_terms jsonb, p_amount bigint,
    OUT outcome text, OUT source uuid, OUT destination uuid, OUT amount bigint, OUT currency text
)
LANGUAGE plpgsql AS $$
DECLARE
    v_original ledger.ledger_transactions;
    v_left bigint;
BEGIN
    -- A row of nothing, which is inserted to find out whether the key is new, and stays with none of the outcomes that leave it so.
    source := '00000000-0000-0000-0000-000000000000';
    destination := source;
    amount := 1;
    currency := 'XXX';
    -- Before anything is said of the payment: while postings are halted, nothing is said but that.
    IF ledger.is_halted(p_tenant) THEN
        outcome := 'postings_halted';
        RETURN;
    END IF;
    SELECT * INTO v_original FROM ledger.ledger_transactions t
     WHERE t.ledger_key = (p_terms ->> 'corrects')::uuid AND t.tenant_id = p_tenant;
    IF NOT FOUND THEN
        outcome := 'payment_unknown';
        RETURN;
    END IF;
    source := v_original.destination;
    destination := v_original.source;
    amount := coalesce(p_amount, v_original.amount);
    currency := v_original.currency;
    -- A deposit, a correction, an action of a settlement: a key stands for what it stands for, so it never becomes a payment.
    IF v_original.kind NOT IN ('payment', 'settlement') THEN
        outcome := 'not_a_payment';
        RETURN;
    END IF;
    IF p_kind = 'reversal' AND v_original.kind = 'settlement' THEN
        outcome := 'not_reversible';
        RETURN;
    END IF;
    IF NOT ledger.is_correctable(v_original) THEN
        outcome := CASE WHEN ledger.may_yet_move(v_original) THEN 'payment_not_posted' ELSE 'payment_never_posted' END;
        RETURN;
    END IF;

    PERFORM ledger.lock_corrections(v_original.ledger_key);
    -- Again: what waited sees a halt that came meanwhile.
    IF ledger.is_halted(p_tenant) THEN
        outcome := 'postings_halted';
        RETURN;
    END IF;
    SELECT v_original.amount - coalesce(sum(c.amount), 0) INTO v_left
      FROM ledger.corrections c WHERE c.original = v_original.ledger_key AND c.tenant_id = p_tenant;
    IF p_kind = 'reversal' AND v_left < v_original.amount OR p_amount IS NULL AND v_left <= 0 THEN
        outcome := 'payment_already_corrected';
        RETURN;
    END IF;
    amount := coalesce(p_amount, v_left);
    IF amount > v_left THEN
        outcome := 'refund_above_payment';
        RETURN;
    END IF;
    -- It goes between accounts that a payment may name, and is bound by all that binds one.
    outcome := ledger.decide(p_tenant, 'payment', source, destination, amount, currency);
END $$;

-- Writes down a correction that was posted, in the commit that posts it, under the lock that decide_correction took.
CREATE FUNCTION ledger.record_correction(p_tenant uuid, p_key uuid, p_kind text, p_terms jsonb, p_amount bigint) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ledger.corrections (ledger_key, original, tenant_id, amount, number, kind)
    SELECT p_key, (p_terms ->> 'corrects')::uuid, p_tenant, p_amount, coalesce(max(c.number), 0) + 1, p_kind
      FROM ledger.corrections c WHERE c.original = (p_terms ->> 'corrects')::uuid AND c.tenant_id = p_tenant;
END;

-- A page of a payment's corrections, newest first, numbered below p_before (NULL: from the newest), each beside the payment:
-- its amount, what of it was given back, and what is left to give back, in minor units. One row whose number is NULL: there
-- is none, or none below. No row: no such payment or settlement of this tenant.
CREATE FUNCTION ledger.corrections_of(p_tenant uuid, p_payment uuid, p_before integer, p_most integer)
RETURNS TABLE (
    payment_amount bigint, payment_currency text, corrected bigint, left_over bigint, number integer,
    ledger_key uuid, kind text, fingerprint bytea, outcome text, source uuid, destination uuid,
    amount bigint, currency text, details jsonb, answer_version smallint, created_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    RETURN QUERY
        SELECT o.amount, o.currency::text, given.back, CASE WHEN ledger.is_correctable(o) THEN o.amount - given.back ELSE 0 END,
               c.number, t.ledger_key, t.kind, t.fingerprint, t.outcome, t.source, t.destination, t.amount, t.currency::text,
               t.details, t.answer_version, t.created_at
          FROM ledger.ledger_transactions o
         CROSS JOIN LATERAL (
                SELECT coalesce(sum(every.amount), 0)::bigint AS back
                  FROM ledger.corrections every WHERE every.original = o.ledger_key AND every.tenant_id = p_tenant
               ) given
          LEFT JOIN LATERAL (
                SELECT * FROM ledger.corrections c
                 WHERE c.original = o.ledger_key AND c.tenant_id = p_tenant AND c.number < coalesce(p_before, 2147483647)
                 ORDER BY c.number DESC LIMIT p_most
               ) c ON true
          LEFT JOIN ledger.ledger_transactions t ON t.ledger_key = c.ledger_key AND t.tenant_id = p_tenant
         WHERE o.ledger_key = p_payment AND o.tenant_id = p_tenant AND o.kind IN ('payment', 'settlement')
         ORDER BY c.number DESC;
END $$;

GRANT EXECUTE ON FUNCTION
    ledger.is_correctable(ledger.ledger_transactions),
    ledger.may_yet_move(ledger.ledger_transactions),
    ledger.lock_corrections(uuid),
    ledger.decide_correction(uuid, text, jsonb, bigint),
    ledger.record_correction(uuid, uuid, text, jsonb, bigint) TO ledger_engine;
-- Granted before the function changes hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION ledger.corrections_of(uuid, uuid, integer, integer) TO reader;
GRANT CREATE ON SCHEMA ledger TO ledger_engine;
ALTER FUNCTION ledger.corrections_of(uuid, uuid, integer, integer) OWNER TO ledger_engine;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine;
