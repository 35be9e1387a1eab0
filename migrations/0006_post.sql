-- The posting: decides, takes the key and moves the money, in one statement and one transaction. The whole decision of a
-- payment is here.
--
-- It does not ask first whether the key is known: taking it answers that, and most keys are new. A repeat pays for a
-- decision that is thrown away, and waits for its account's lock where a first posting would.

-- What the ledger would answer if this key is new: 'posted', or the name of the refusal (domain::outcome::Refusal); or
-- 'postings_halted', which is no answer: ledger.post fails by it.
-- A source with a floor stays locked until the end of the transaction; nothing else is locked.
--
-- Planned once per connection: one account with a long tail among short ones makes a plan for the very account look
-- cheaper than a plan for any, and the decision would be planned anew for every posting.
CREATE FUNCTION ledger.decide(
    p_tenant uuid, p_kind text, p_source uuid, p_destination uuid, p_amount bigint, p_currency text
) RETURNS text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_locked boolean;
    v_lock_missed boolean;
    v_outcome text;
    v_tail_length bigint;
BEGIN
    -- The lock in one statement and the sum in the next: only then is the sum's snapshot younger than the debit this one
    -- waited for. In a single statement two debits both see the balance from before.
    PERFORM FROM ledger.accounts WHERE account_id = p_source AND tenant_id = p_tenant AND floor IS NOT NULL FOR UPDATE;
    v_locked := FOUND;

    -- The decision, and all of it in the statement that reads what it rests on: PL/pgSQL compiles each expression once a
    -- transaction, and a payment is one. The sum is ledger.balance_of's, here because a call costs what it saves, and of
    -- no account but a locked one.
    SELECT CASE
               -- Read here, past the lock: what waited for the account sees a halt that came meanwhile.
               WHEN EXISTS (SELECT FROM ledger.halts h WHERE h.scope IN (p_tenant, ledger.platform())) THEN 'postings_halted'
               -- Each purpose is posted to only by the operations meant for it.
               WHEN NOT (s.purpose = ANY (CASE p_kind WHEN 'payment' THEN '{buyer,merchant}'::text[]
                                                      WHEN 'deposit' THEN '{external}'
                                                      ELSE '{}' END)
                         AND d.purpose IN ('buyer', 'merchant')) THEN 'account_not_eligible'
               WHEN s.currency <> p_currency OR d.currency <> p_currency THEN 'currency_mismatch'
               WHEN s.frozen_at IS NOT NULL OR d.frozen_at IS NOT NULL THEN 'account_frozen'
               WHEN s.floor IS NOT NULL AND b.balance - p_amount < s.floor THEN 'insufficient_funds'
               ELSE 'posted'
           END,
           s.floor IS NOT NULL AND NOT v_locked,
           b.tail_length
      INTO v_outcome, v_lock_missed, v_tail_length
      FROM ledger.accounts s, ledger.accounts d, LATERAL (
            SELECT coalesce((SELECT c.balance FROM ledger.balance_checkpoints c
                              WHERE c.account_id = p_source ORDER BY c.checkpoint_no DESC LIMIT 1), 0) + coalesce(sum(t.delta), 0) AS balance,
                   count(*) AS tail_length
              FROM ledger.balance_tail t
             WHERE t.account_id = p_source AND v_locked) b
     WHERE s.account_id = p_source AND s.tenant_id = p_tenant
       AND d.account_id = p_destination AND d.tenant_id = p_tenant;
    -- Another tenant's account and no account at all read the same: existence is not told.
    IF NOT FOUND THEN
        RETURN CASE WHEN ledger.is_halted(p_tenant) THEN 'postings_halted' ELSE 'account_unknown' END;
    END IF;
    -- Under row-level security a lock on a row that the policies hide locks nothing and says nothing.
    IF v_lock_missed THEN
        PERFORM ledger.refuse('account_lock_missed', 'an account that was there could not be locked');
    END IF;
    IF v_tail_length >= 32 AND v_outcome <> 'postings_halted' THEN
        -- The account is locked and its deltas were just read: the cheapest moment to fold them. A halt rolls back what is
        -- done here.
        PERFORM ledger.fold_locked(a) FROM ledger.accounts a WHERE a.account_id = p_source;
    END IF;
    RETURN v_outcome;
END $$;

-- Posts p_amount minor units from p_source to p_destination under p_key, or says what was decided under that key before.
-- Returns one row, the intent as the ledger holds it, with a verdict before it:
--   recorded    this call decided (its outcome: posted or a refusal)
--   replayed    the key was decided before, for the same fingerprint
--   mismatched  the key was decided before, for another fingerprint: the row is the other one's
-- A settlement (p_terms: ledger.decide_settlement) moves nothing yet: its outcome is accepted, or a refusal. Of a refund or
-- a reversal (p_terms: ledger.decide_correction) accounts and currency are the payment's: NULL here, and p_amount for all
-- that there is.
-- Fails, having changed nothing, by these names:
--   key_too_early             the key's own time is more than a day ahead
--   key_expiring              the key's window has just passed; a statement that could still post it may be alive
--   key_expired               the window has passed and nothing was or will be posted
--   postings_halted           an operator has halted this tenant's postings, or all (migrations/0013)
--   payment_unknown, payment_not_posted: what is to be corrected cannot be yet (ledger.decide_correction)
--   isolation_not_read_committed, key_taken_but_hidden, entries_once, settlement_terms_malformed,
--   settlement_account_missing: must not happen; a defect or tampering
CREATE FUNCTION ledger.post(
    p_tenant uuid, p_key uuid, p_kind text, p_fingerprint bytea,
    p_source uuid, p_destination uuid, p_amount bigint, p_currency text,
    p_details jsonb, p_answer_version smallint, p_terms jsonb DEFAULT NULL
) RETURNS TABLE (
    verdict text, ledger_key uuid, kind text, fingerprint bytea, outcome text,
    source uuid, destination uuid, amount bigint, currency text,
    details jsonb, answer_version smallint, created_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_outcome text;
    v_age interval;                                 -- of the client key's own time; NULL: it carries none and has no window
    v_tenant text;
BEGIN
    -- "Nothing inserted, so the next statement sees the row" is true at this level and at no other.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ledger.refuse('isolation_not_read_committed', 'ledger.post needs READ COMMITTED');
    END IF;
    -- Assigned, because a PERFORM would be a query with a plan of its own.
    v_tenant := set_config('app.tenant_id', p_tenant::text, true);

    IF p_key >= '01000000-0000-0000-0000-000000000000' THEN
        -- The first 48 bits are milliseconds since 1970.
        v_age := clock_timestamp()
                 - to_timestamp(('x' || translate(left(p_key::text, 13), '-', ''))::bit(48)::bigint / 1000.0::double precision);
        -- Nothing can have been posted under a key from the future, and no partition may hold it.
        IF v_age < interval '-1 day' THEN
            PERFORM ledger.refuse('key_too_early', 'the key''s own time is more than a day ahead');
        END IF;
    END IF;

    IF p_terms IS NULL AND p_kind <> 'settlement' THEN
        v_outcome := ledger.decide(p_tenant, p_kind, p_source, p_destination, p_amount, p_currency);
    ELSIF p_kind = 'settlement' THEN
        v_outcome := ledger.decide_settlement(p_tenant, p_key, p_source, p_destination, p_amount, p_currency, p_terms);
    ELSE
        SELECT c.outcome, c.source, c.destination, c.amount, c.currency
          INTO v_outcome, p_source, p_destination, p_amount, p_currency
          FROM ledger.decide_correction(p_tenant, p_kind, p_terms, p_amount) c;
    END IF;

    -- Record. From here on the key is taken: a second statement for it waits on this row and then reads it.
    INSERT INTO ledger.ledger_transactions
           (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
    VALUES (p_key, p_tenant, p_kind, p_fingerprint, v_outcome, p_source, p_destination, p_amount, p_currency, p_details, p_answer_version)
        ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        -- It was decided before, or beside this call and first. What this call decided is void; theirs stands.
        RETURN QUERY
            SELECT CASE WHEN t.fingerprint = p_fingerprint THEN 'replayed' ELSE 'mismatched' END,
                   t.ledger_key, t.kind, t.fingerprint, t.outcome, t.source, t.destination, t.amount, t.currency::text,
                   t.details, t.answer_version, t.created_at
              FROM ledger.ledger_transactions t WHERE t.ledger_key = p_key;
        IF NOT FOUND THEN
            PERFORM ledger.refuse('key_taken_but_hidden', 'the key is taken by a row that this tenant cannot see');
        END IF;
        RETURN;
    END IF;

    -- A first posting must lie within the key's window, or a key could be posted again after its records are gone.
    -- Only now: the insert above has waited for any statement that held the key, so "nothing was posted" is true of
    -- them all. One that has begun but not yet inserted is at most a statement timeout (4 s) old, hence the minute.
    IF v_age > interval '48 hours' THEN
        IF v_age > interval '48 hours 1 minute' THEN
            PERFORM ledger.refuse('key_expired', 'the key''s window has passed and nothing was posted under it');
        END IF;
        PERFORM ledger.refuse('key_expiring', 'the key''s window has just passed');
    END IF;

    IF v_outcome = 'posted' THEN
        WITH entries AS (
            INSERT INTO ledger.ledger_entries
                   (account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)
            VALUES (p_source, p_key, 'DEBIT', p_amount, p_currency, p_key, p_tenant),
                   (p_destination, p_key, 'CREDIT', p_amount, p_currency, p_key, p_tenant)
        ), deltas AS (
            INSERT INTO ledger.balance_tail (account_id, delta)
            VALUES (p_source, -p_amount), (p_destination, p_amount)
        )
        INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
        VALUES (p_tenant, p_key, 1, p_kind || '.posted.v1');
        IF p_terms IS NOT NULL THEN
            PERFORM ledger.record_correction(p_tenant, p_key, p_kind, p_terms, p_amount);
        END IF;
    ELSIF v_outcome = 'accepted' THEN
        PERFORM ledger.open_settlement(p_tenant, p_key, p_source, p_destination, p_amount, p_currency, p_terms);
    ELSIF v_outcome = ANY ('{postings_halted,payment_unknown,payment_not_posted}') THEN
        -- No outcomes, since they may be otherwise tomorrow. Only now that the key is known to be new: a repeat of what was
        -- decided has been answered above. The row that was inserted goes with the transaction.
        PERFORM ledger.refuse(v_outcome, 'nothing is decided: a halt, or a payment that cannot be corrected yet');
    END IF;

    RETURN QUERY SELECT 'recorded', p_key, p_kind, p_fingerprint, v_outcome, p_source, p_destination, p_amount, p_currency,
                        p_details, p_answer_version, now();
END $$;

GRANT EXECUTE ON FUNCTION ledger.decide(uuid, text, uuid, uuid, bigint, text) TO ledger_engine;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION ledger.post(uuid, uuid, text, bytea, uuid, uuid, bigint, text, jsonb, smallint, jsonb) TO poster;
GRANT CREATE ON SCHEMA ledger TO ledger_engine;
ALTER FUNCTION ledger.post(uuid, uuid, text, bytea, uuid, uuid, bigint, text, jsonb, smallint, jsonb) OWNER TO ledger_engine;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine;
