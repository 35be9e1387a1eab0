-- Settlements: what was asked, its log, and the actions that write it.
--
-- The log of a settlement is its actions' rows among the intents, each under a key of its own, inserted once and never
-- changed. An action is one commit under the lock of the settlement's row: its row, its entries and deltas, the status
-- and the event. Whether it is its turn is judged here, by what domain::settlement::plan goes by: a caller's plan may
-- be stale. Locks are taken in this order: the settlement's row, then accounts in the order of their ids; never two
-- settlements.

CREATE TABLE ledger.settlements (
    settlement_id uuid PRIMARY KEY,                 -- the ledger key of its request
    tenant_id     uuid NOT NULL,
    buyer         uuid NOT NULL,                    -- the four accounts: who pays,
    escrow        uuid NOT NULL,                    -- where the money waits,
    merchant      uuid NOT NULL,                    -- who is paid,
    platform      uuid NOT NULL,                    -- who takes the fee. The one that is not the tenant's
    amount        bigint NOT NULL,                  -- minor units
    fee           bigint NOT NULL,                  -- minor units of that; 0: there is no such step. Fixed at the request
    created_at    timestamptz NOT NULL DEFAULT now(),
    changed_at    timestamptz NOT NULL DEFAULT now(),
    limbo_at      timestamptz,                      -- since when people have to decide; stays when they have
    ended_at      timestamptz,                      -- settled or compensated
    -- When somebody must have come back to it; if nobody has, its execution is lost, and another is begun (ledger.lease_lapsed).
    attend_by     timestamptz NOT NULL DEFAULT now() + interval '15 minutes',
    action_keys   uuid[] NOT NULL,                  -- of each of ledger.settlement_actions() (domain::ledger_key)
    currency      char(3) NOT NULL,                 -- ISO 4217
    events        smallint NOT NULL DEFAULT 1,      -- how many were announced: the sequence of the last
    status        text NOT NULL DEFAULT 'accepted', -- domain::settlement::status
    limbo_cause   text,                             -- the name of what kept failing
    CONSTRAINT settlements_amount_positive CHECK (amount > 0),
    CONSTRAINT settlements_fee_within_amount CHECK (fee BETWEEN 0 AND amount),
    CONSTRAINT settlements_nine_keys CHECK (cardinality(action_keys) = 9),
    CONSTRAINT settlements_status_known CHECK (status IN
        ('accepted', 'held', 'parked', 'verified', 'released', 'settled', 'compensating', 'compensated', 'limbo')),
    CONSTRAINT settlements_ended_whole CHECK ((ended_at IS NOT NULL) = (status IN ('settled', 'compensated'))),
    CONSTRAINT settlements_limbo_whole CHECK ((limbo_at IS NULL) = (limbo_cause IS NULL) AND (status <> 'limbo' OR limbo_at IS NOT NULL))
);
-- A tenant's pages, and what waits, oldest first, for whoever looks across tenants.
CREATE INDEX settlements_of_tenant ON ledger.settlements (tenant_id, status, created_at, settlement_id);
CREATE INDEX settlements_unfinished ON ledger.settlements (status, created_at, settlement_id) WHERE ended_at IS NULL;
CREATE INDEX settlements_to_attend ON ledger.settlements (attend_by) WHERE ended_at IS NULL;

ALTER TABLE ledger.settlements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.settlements TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY operating_reads ON ledger.settlements FOR SELECT TO ledger_operating USING (true);
CREATE POLICY operating_attends ON ledger.settlements FOR UPDATE TO ledger_operating USING (true);
CREATE POLICY announcing_reads ON ledger.settlements FOR SELECT TO ledger_announcing USING (true);
CREATE POLICY operating_reads ON ledger.ledger_transactions FOR SELECT TO ledger_operating USING (true);
CREATE POLICY auditor_reads ON ledger.settlements FOR SELECT TO auditor USING (true);
GRANT SELECT, INSERT, UPDATE (status, changed_at, limbo_at, limbo_cause, ended_at, attend_by, events) ON ledger.settlements TO ledger_engine;
GRANT SELECT ON ledger.settlements, ledger.ledger_transactions TO ledger_operating;
GRANT UPDATE (attend_by) ON ledger.settlements TO ledger_operating;
GRANT SELECT (settlement_id, tenant_id, fee, status, limbo_at, ended_at) ON ledger.settlements TO ledger_announcing;
GRANT SELECT ON ledger.settlements TO auditor;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.settlements FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.settlements ENABLE ALWAYS TRIGGER never_removed;
-- What was asked stays as it was asked, whoever writes: a fee or a key that changed under way would move other money.
CREATE TRIGGER terms_never_changed
    BEFORE UPDATE OF settlement_id, tenant_id, buyer, escrow, merchant, platform, amount, fee, currency, action_keys, created_at
    ON ledger.settlements FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.settlements ENABLE ALWAYS TRIGGER terms_never_changed;

-- What an action's caller is told.
CREATE TYPE ledger.settlement_answer AS (
    verdict text,                                   -- each function says which it gives
    outcome text,                                   -- what stands under the action's key; NULL: nothing
    status  text,
    fee     bigint,                                 -- minor units
    log     jsonb,                                  -- the outcome of each action that has a row, by its name
    decision text                                   -- what people have decided about it in limbo: release, refund; NULL: nothing
);

-- What the log of a settlement says: domain::settlement::{log, plan} in SQL.
CREATE TYPE ledger.settlement_progress AS (
    log               jsonb,                        -- the outcome of each action that has a row, by its name
    free              text[],                       -- the steps whose keys are free, in order
    has_failed        boolean,                      -- a step can never succeed any more
    newest            text,                         -- the undo of the newest posting that stands; NULL: none does
    is_being_released boolean,                      -- as people have decided
    status            text                          -- as far as the log knows it: neither parked nor limbo
);

-- The order of settlements.action_keys.
CREATE FUNCTION ledger.settlement_actions() RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN ARRAY['hold', 'verify', 'release', 'collect_fee', 'undo_collect_fee', 'undo_release', 'undo_hold', 'resolve_release', 'resolve_fee'];

-- The steps of a settlement with this fee, in order.
CREATE FUNCTION ledger.settlement_steps(p_fee bigint) RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN (ledger.settlement_actions())[1:CASE WHEN p_fee > 0 THEN 4 ELSE 3 END];

-- Whom an action debits, whom it credits, and how much. A verification moves nothing and names whom it is about.
CREATE FUNCTION ledger.settlement_leg(
    p_settlement ledger.settlements, p_action text, OUT source uuid, OUT destination uuid, OUT amount bigint
)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT leg.source, leg.destination, leg.amount
      FROM (VALUES
            ('hold',             p_settlement.buyer,    p_settlement.escrow,   p_settlement.amount),
            ('verify',           p_settlement.escrow,   p_settlement.merchant, p_settlement.amount),
            ('release',          p_settlement.escrow,   p_settlement.merchant, p_settlement.amount),
            ('collect_fee',      p_settlement.merchant, p_settlement.platform, p_settlement.fee),
            ('undo_collect_fee', p_settlement.platform, p_settlement.merchant, p_settlement.fee),
            ('undo_release',     p_settlement.merchant, p_settlement.escrow,   p_settlement.amount),
            ('undo_hold',        p_settlement.escrow,   p_settlement.buyer,    p_settlement.amount),
            ('resolve_release',  p_settlement.escrow,   p_settlement.merchant, p_settlement.amount),
            ('resolve_fee',      p_settlement.merchant, p_settlement.platform, p_settlement.fee)
           ) AS leg (action, source, destination, amount)
     WHERE leg.action = p_action;
END;

-- Reads the whole log in one statement. VOLATILE, so that its snapshot is its own: the caller has waited for a lock.
CREATE FUNCTION ledger.progress_of(p_settlement ledger.settlements) RETURNS ledger.settlement_progress
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- The actions' keys share the settlement's first 48 bits; said as a range, so that one partition is looked at.
    v_place text := left(p_settlement.settlement_id::text, 14);
    v_steps text[] := ledger.settlement_steps(p_settlement.fee);
    v_last text := CASE WHEN p_settlement.fee > 0 THEN 'resolve_fee' ELSE 'resolve_release' END;
    v ledger.settlement_progress;
BEGIN
    SELECT coalesce(jsonb_object_agg(t.kind, t.outcome), '{}') INTO v.log
      FROM ledger.ledger_transactions t
     WHERE t.ledger_key BETWEEN (v_place || '0000-0000-000000000000')::uuid AND (v_place || 'ffff-ffff-ffffffffffff')::uuid
       AND t.ledger_key = ANY (p_settlement.action_keys)
       AND t.tenant_id = p_settlement.tenant_id;
    v.free := ARRAY(SELECT step FROM unnest(v_steps) WITH ORDINALITY AS s (step, n) WHERE NOT v.log ? step ORDER BY n);
    v.has_failed := EXISTS (SELECT FROM unnest(v_steps) AS step WHERE v.log ->> step NOT IN ('posted', 'approved'));
    v.newest := CASE
        WHEN v.log ->> 'collect_fee' = 'posted' AND NOT v.log ? 'undo_collect_fee' THEN 'undo_collect_fee'
        WHEN v.log ->> 'release' = 'posted' AND NOT v.log ? 'undo_release' THEN 'undo_release'
        WHEN v.log ->> 'hold' = 'posted' AND NOT v.log ? 'undo_hold' THEN 'undo_hold'
    END;
    v.is_being_released := v.log ?| ARRAY['resolve_release', 'resolve_fee'];
    v.status := CASE
        WHEN v.log ? v_last OR v.free = '{}' AND NOT v.has_failed THEN 'settled'
        WHEN NOT v.has_failed THEN CASE v.free[1]
            WHEN 'hold' THEN 'accepted' WHEN 'verify' THEN 'held' WHEN 'release' THEN 'verified' ELSE 'released' END
        WHEN v.free <> '{}' THEN 'compensating'
        WHEN v.is_being_released THEN 'released'
        WHEN v.newest IS NOT NULL THEN 'compensating'
        ELSE 'compensated'
    END;
    RETURN v;
END $$;

-- What the ledger would answer to this request if its key is new: 'accepted', or the name of the refusal; or 'postings_halted', as
-- ledger.decide says it. Whether the buyer has the money is the hold's to say. p_terms: what the caller derives (domain::settlement::fee, domain::ledger_key),
--   {"fee": minor units, or null for more than the amount, "escrow": account, "platform": account, "keys": {action: ledger key, … all nine}}
CREATE FUNCTION ledger.decide_settlement(
    p_tenant uuid, p_key uuid, p_buyer uuid, p_merchant uuid, p_amount bigint, p_currency text, p_terms jsonb
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_buyer ledger.accounts;
    v_merchant ledger.accounts;
    v_escrow ledger.accounts;
    v_keys text[];
BEGIN
    IF ledger.is_halted(p_tenant) THEN
        RETURN 'postings_halted';
    END IF;
    SELECT * INTO v_buyer FROM ledger.accounts WHERE account_id = p_buyer AND tenant_id = p_tenant;
    SELECT * INTO v_merchant FROM ledger.accounts WHERE account_id = p_merchant AND tenant_id = p_tenant;
    IF v_buyer IS NULL OR v_merchant IS NULL THEN
        RETURN 'account_unknown';
    END IF;
    IF v_buyer.purpose <> 'buyer' OR v_merchant.purpose <> 'merchant' THEN
        RETURN 'account_not_eligible';
    END IF;
    IF v_buyer.currency <> p_currency OR v_merchant.currency <> p_currency THEN
        RETURN 'currency_mismatch';
    END IF;

    IF p_terms -> 'fee' = 'null' THEN
        RETURN 'fee_above_amount';
    END IF;
    v_keys := ARRAY(SELECT p_terms -> 'keys' ->> action FROM unnest(ledger.settlement_actions()) AS action);
    IF ((p_terms ->> 'fee')::bigint BETWEEN 0 AND p_amount
        -- Keys of its own, in its own place: else the log would not be found.
        AND (SELECT count(DISTINCT key) = 9 AND bool_and(left(key, 14) = left(p_key::text, 14)) FROM unnest(v_keys) AS key)
       ) IS NOT TRUE THEN
        PERFORM ledger.refuse('settlement_terms_malformed', 'a fee within the amount and nine keys in the settlement''s place');
    END IF;
    SELECT * INTO v_escrow FROM ledger.accounts
     WHERE account_id = (p_terms ->> 'escrow')::uuid AND tenant_id = p_tenant AND purpose = 'escrow' AND currency = p_currency;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('settlement_account_missing', 'no such escrow account in this currency');
    END IF;
    -- The platform's is the one account of another tenant, which the policies hide from this one.
    PERFORM set_config('app.tenant_id', ledger.platform()::text, true);
    PERFORM FROM ledger.accounts
      WHERE account_id = (p_terms ->> 'platform')::uuid AND tenant_id = ledger.platform() AND purpose = 'platform' AND currency = p_currency;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('settlement_account_missing', 'no such platform account in this currency');
    END IF;
    PERFORM set_config('app.tenant_id', p_tenant::text, true);

    IF v_buyer.frozen_at IS NOT NULL OR v_merchant.frozen_at IS NOT NULL OR v_escrow.frozen_at IS NOT NULL THEN
        RETURN 'account_frozen';
    END IF;
    RETURN 'accepted';
END $$;

-- Writes down what decide_settlement accepted, in the commit that takes its key.
CREATE FUNCTION ledger.open_settlement(
    p_tenant uuid, p_key uuid, p_buyer uuid, p_merchant uuid, p_amount bigint, p_currency text, p_terms jsonb
) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ledger.settlements (settlement_id, tenant_id, buyer, escrow, merchant, platform, amount, fee, currency, action_keys)
    VALUES (p_key, p_tenant, p_buyer, (p_terms ->> 'escrow')::uuid, p_merchant, (p_terms ->> 'platform')::uuid,
            p_amount, (p_terms ->> 'fee')::bigint, p_currency,
            ARRAY(SELECT (p_terms -> 'keys' ->> action)::uuid
                    FROM unnest(ledger.settlement_actions()) WITH ORDINALITY AS a (action, n) ORDER BY n));
    INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type) VALUES (p_tenant, p_key, 1, 'settlement.requested.v1');
END;

-- Every action begins here. Fails by the name settlement_unknown if this tenant has none under that id.
CREATE FUNCTION ledger.lock_settlement(p_tenant uuid, p_settlement uuid) RETURNS ledger.settlements
LANGUAGE plpgsql AS $$
DECLARE
    v_settlement ledger.settlements;
BEGIN
    -- What is read after the lock is younger than it at this level and at no other.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ledger.refuse('isolation_not_read_committed', 'an action of a settlement needs READ COMMITTED');
    END IF;
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    SELECT * INTO v_settlement FROM ledger.settlements WHERE settlement_id = p_settlement AND tenant_id = p_tenant FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.refuse('settlement_unknown', 'no such settlement');
    END IF;
    RETURN v_settlement;
END $$;

-- Writes the row of an action of a locked settlement, whose key is free, and moves its money if it is posted.
CREATE FUNCTION ledger.record_action(p_settlement ledger.settlements, p_action text, p_outcome text, p_details jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_key uuid := p_settlement.action_keys[array_position(ledger.settlement_actions(), p_action)];
    v_leg record;
BEGIN
    SELECT * INTO v_leg FROM ledger.settlement_leg(p_settlement, p_action);
    -- No ON CONFLICT: the log said that the key is free. If it is not, somebody else has taken it, and this must fail.
    INSERT INTO ledger.ledger_transactions
           (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
    VALUES (v_key, p_settlement.tenant_id, p_action, sha256(convert_to(p_settlement.settlement_id || ' ' || p_action, 'UTF8')), p_outcome,
            v_leg.source, v_leg.destination, v_leg.amount, p_settlement.currency,
            p_details || jsonb_build_object('settlement_id', p_settlement.settlement_id), 1);
    IF p_outcome = 'posted' THEN
        INSERT INTO ledger.ledger_entries (account_id, transaction_id, entry_type, amount, currency, idempotency_key, tenant_id)
        SELECT side.account, v_key, side.entry_type, v_leg.amount, p_settlement.currency, v_key,
               CASE side.account WHEN p_settlement.platform THEN ledger.platform() ELSE p_settlement.tenant_id END
          FROM (VALUES (v_leg.source, 'DEBIT'::ledger.ledger_entry_type), (v_leg.destination, 'CREDIT')) AS side (account, entry_type);
        INSERT INTO ledger.balance_tail (account_id, delta)
        VALUES (v_leg.source, -v_leg.amount), (v_leg.destination, v_leg.amount);
    END IF;
END $$;

-- Posts an action whose turn it is: 'recorded', or 'waits', with nothing written, if postings are halted, or an account is
-- frozen and this does not pass the freeze. Nothing passes a halt. A floor binds the hold alone, as a refusal. What a settlement itself debits may go below it, and
-- its row says so.
CREATE FUNCTION ledger.post_action(p_settlement ledger.settlements, p_action text, p_passes_freeze boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_leg record;
    v_floor bigint;
    v_source ledger.accounts;
    v_balance numeric;
    v_tail_length bigint;
    v_seen bigint;
    v_frozen bigint;
    v_is_short boolean := false;
BEGIN
    SELECT * INTO v_leg FROM ledger.settlement_leg(p_settlement, p_action);
    SELECT floor INTO v_floor FROM ledger.accounts WHERE account_id = v_leg.source;
    IF v_floor IS NOT NULL THEN
        -- The lock, and then the sum in another statement: see ledger.decide.
        SELECT * INTO v_source FROM ledger.accounts WHERE account_id = v_leg.source FOR UPDATE;
        IF NOT FOUND THEN
            PERFORM ledger.refuse('account_lock_missed', 'an account that was there could not be locked');
        END IF;
        SELECT b.balance, b.tail_length INTO v_balance, v_tail_length FROM ledger.balance_of(v_leg.source) b;
        IF v_tail_length >= 32 THEN
            PERFORM ledger.fold_locked(v_source);
        END IF;
        v_is_short := v_balance - v_leg.amount < v_floor;
    END IF;

    SELECT count(*), count(frozen_at) INTO v_seen, v_frozen
      FROM ledger.accounts WHERE account_id IN (v_leg.source, v_leg.destination) AND account_id <> p_settlement.platform;
    IF p_settlement.platform IN (v_leg.source, v_leg.destination) THEN
        PERFORM set_config('app.tenant_id', ledger.platform()::text, true);
        SELECT v_seen + count(*), v_frozen + count(frozen_at) INTO v_seen, v_frozen
          FROM ledger.accounts WHERE account_id = p_settlement.platform;
        PERFORM set_config('app.tenant_id', p_settlement.tenant_id::text, true);
    END IF;
    IF v_seen <> 2 THEN
        PERFORM ledger.refuse('settlement_account_missing', 'an account of the settlement is not there any more');
    END IF;
    IF ledger.is_halted(p_settlement.tenant_id) OR v_frozen > 0 AND NOT p_passes_freeze THEN
        RETURN 'waits';
    END IF;
    PERFORM ledger.record_action(p_settlement, p_action,
        CASE WHEN v_is_short AND p_action = 'hold' THEN 'insufficient_funds' ELSE 'posted' END,
        CASE WHEN v_is_short AND p_action <> 'hold' THEN '{"below_floor": true}' ELSE '{}' END::jsonb);
    RETURN 'recorded';
END $$;

-- Burns: takes the keys of all steps that are free, so that what stands can be undone without a look over the shoulder.
CREATE FUNCTION ledger.burn_free(p_settlement ledger.settlements, p_free text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger.record_action(p_settlement, step, 'burnt', '{}') FROM unnest(p_free) AS step;
END $$;

-- How long an execution may stay away before it is taken for lost: longer than a settlement's short way takes (five minutes), than
-- it is paused, and than a parked verification waits to be woken (ten); one that waits for people comes back every day.
CREATE FUNCTION ledger.attention(p_waits_for_people boolean) RETURNS interval
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN p_waits_for_people THEN interval '25 hours' ELSE interval '15 minutes' END;

-- Ends every action: when rows were written, brings the status after them and announces an end. p_action: whose outcome
-- is told; NULL for none.
CREATE FUNCTION ledger.conclude(p_settlement ledger.settlements, p_verdict text, p_action text, p_wrote boolean)
RETURNS ledger.settlement_answer
LANGUAGE plpgsql AS $$
DECLARE
    v ledger.settlement_progress := ledger.progress_of(p_settlement);
    v_status text := p_settlement.status;
    v_decision text := CASE WHEN p_settlement.limbo_at IS NOT NULL THEN ledger.decision_on(p_settlement.settlement_id) END;
    v_events smallint;
BEGIN
    IF p_wrote THEN
        UPDATE ledger.settlements s
           SET status = CASE WHEN ended.yes OR s.limbo_at IS NULL THEN v.status ELSE 'limbo' END,
               changed_at = now(),
               ended_at = CASE WHEN ended.yes THEN now() END,
               attend_by = now() + ledger.attention(false),
               events = s.events + ended.yes::int
          FROM (SELECT v.status IN ('settled', 'compensated') AS yes) AS ended
         WHERE s.settlement_id = p_settlement.settlement_id
        RETURNING s.status, s.events INTO v_status, v_events;
        IF v_status IN ('settled', 'compensated') THEN
            INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
            VALUES (p_settlement.tenant_id, p_settlement.settlement_id, v_events, 'settlement.' || v_status || '.v1');
            IF p_settlement.limbo_at IS NOT NULL THEN
                PERFORM ledger.end_limbo_freezes(p_settlement);
            END IF;
        END IF;
    END IF;
    IF p_verdict = 'waits' THEN
        -- Whoever was told so comes back.
        UPDATE ledger.settlements SET attend_by = now() + ledger.attention(false) WHERE settlement_id = p_settlement.settlement_id;
    END IF;
    RETURN (p_verdict, v.log ->> p_action, v_status, p_settlement.fee, v.log, v_decision);
END $$;

-- Carries out a step. p_answer: the provider's 'approved' or 'rejected' with verify, NULL with all others; p_details goes
-- into a verification's row. Verdicts:
--   recorded     by this call; the outcome says whether it was posted, approved, rejected or refused
--   stands       recorded before, or burnt: the outcome is the first one's
--   waits        an account is frozen, or postings are halted; nothing is recorded
--   out_of_turn  a step before it has not succeeded, the settlement has failed, or has no such step
CREATE FUNCTION ledger.settle_step(
    p_tenant uuid, p_settlement uuid, p_step text, p_answer text DEFAULT NULL, p_details jsonb DEFAULT '{}'
) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v ledger.settlement_progress := ledger.progress_of(v_settlement);
    v_verdict text := 'recorded';
BEGIN
    IF (p_step = ANY (ledger.settlement_steps(1)) AND (p_step = 'verify') = (p_answer IS NOT NULL)
        AND coalesce(p_answer, 'approved') IN ('approved', 'rejected')) IS NOT TRUE THEN
        PERFORM ledger.refuse('settlement_action_unknown', 'no such step, or no such answer to it');
    END IF;
    IF v.log ? p_step THEN
        v_verdict := 'stands';
    ELSIF v.has_failed OR v.free[1] IS DISTINCT FROM p_step THEN
        v_verdict := 'out_of_turn';
    ELSIF p_step = 'verify' THEN
        PERFORM ledger.record_action(v_settlement, p_step, p_answer, p_details);
    ELSE
        v_verdict := ledger.post_action(v_settlement, p_step, false);
    END IF;
    RETURN ledger.conclude(v_settlement, v_verdict, p_step, v_verdict = 'recorded');
END $$;

-- Burns the keys of all steps that have no row, in one commit. Verdicts: recorded; stands (there was none).
CREATE FUNCTION ledger.burn_steps(p_tenant uuid, p_settlement uuid) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v ledger.settlement_progress := ledger.progress_of(v_settlement);
    v_burns boolean := v.free <> '{}';
BEGIN
    PERFORM ledger.burn_free(v_settlement, v.free);
    RETURN ledger.conclude(v_settlement, CASE WHEN v_burns THEN 'recorded' ELSE 'stands' END, NULL, v_burns);
END $$;

-- Undoes the newest posting that stands of a settlement that has failed for good. Verdicts:
--   recorded     by this call, or
--   stands       before it
--   waits        an account is frozen, or postings are halted; nothing is recorded. What people have decided waits for a
--                halt alone
--   out_of_turn  a step may still come, none has failed, what it undoes was not posted, or something newer stands
--   undecided    it is in limbo, and no refund was decided
CREATE FUNCTION ledger.undo_step(p_tenant uuid, p_settlement uuid, p_undo text) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v ledger.settlement_progress := ledger.progress_of(v_settlement);
    v_verdict text;
BEGIN
    IF p_undo IN ('undo_collect_fee', 'undo_release', 'undo_hold') IS NOT TRUE THEN
        PERFORM ledger.refuse('settlement_action_unknown', 'no such undo');
    END IF;
    IF v.log ? p_undo THEN
        v_verdict := 'stands';
    ELSIF v.free <> '{}' OR NOT v.has_failed OR v.newest IS DISTINCT FROM p_undo OR v.is_being_released THEN
        v_verdict := 'out_of_turn';
    ELSIF v_settlement.limbo_at IS NOT NULL AND ledger.decision_on(p_settlement) IS DISTINCT FROM 'refund' THEN
        v_verdict := 'undecided';
    ELSE
        PERFORM ledger.lock_limbo_freezes(v_settlement);
        v_verdict := ledger.post_action(v_settlement, p_undo, v_settlement.limbo_at IS NOT NULL);
    END IF;
    RETURN ledger.conclude(v_settlement, v_verdict, p_undo, v_verdict = 'recorded');
END $$;

-- Says that a verification waits for its provider to come back; the next row of the log says otherwise. Verdicts: parked (by
-- this call or before it); stands (its verification is not what comes next).
CREATE FUNCTION ledger.park(p_tenant uuid, p_settlement uuid) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v_parks boolean := v_settlement.status IN ('held', 'parked');
BEGIN
    IF v_parks THEN
        UPDATE ledger.settlements
           SET status = 'parked', attend_by = now() + ledger.attention(false),
               changed_at = CASE status WHEN 'parked' THEN changed_at ELSE now() END
         WHERE settlement_id = p_settlement RETURNING * INTO v_settlement;
    END IF;
    RETURN ledger.conclude(v_settlement, CASE WHEN v_parks THEN 'parked' ELSE 'stands' END, NULL, false);
END $$;

-- One settlement with its log, in the order of the actions: [{"action", "outcome", "ledger_key", "source", "destination",
-- "amount", "details", "created_at"}]. `decision`: release or refund, once two people have decided. No row: there is none
-- of this tenant.
CREATE FUNCTION ledger.settlement(p_tenant uuid, p_settlement uuid)
RETURNS TABLE (
    settlement_id uuid, tenant_id uuid, buyer uuid, escrow uuid, merchant uuid, platform uuid, amount bigint, fee bigint,
    currency text, status text, created_at timestamptz, changed_at timestamptz, limbo_at timestamptz, limbo_cause text,
    ended_at timestamptz, decision text, log jsonb
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    RETURN QUERY
        SELECT s.settlement_id, s.tenant_id, s.buyer, s.escrow, s.merchant, s.platform, s.amount, s.fee, s.currency::text,
               s.status, s.created_at, s.changed_at, s.limbo_at, s.limbo_cause, s.ended_at, ledger.decision_on(s.settlement_id),
               ledger.settlement_log(s)
          FROM ledger.settlements s WHERE s.settlement_id = p_settlement AND s.tenant_id = p_tenant;
END $$;

-- STABLE, so that it sees what the statement sees that reads the settlement.
CREATE FUNCTION ledger.settlement_log(p_settlement ledger.settlements) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_place text := left(p_settlement.settlement_id::text, 14);
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(
                   jsonb_build_object('action', t.kind, 'outcome', t.outcome, 'ledger_key', t.ledger_key, 'source', t.source,
                       'destination', t.destination, 'amount', t.amount, 'details', t.details, 'created_at', t.created_at)
                   ORDER BY array_position(p_settlement.action_keys, t.ledger_key)), '[]')
          FROM ledger.ledger_transactions t
         WHERE t.ledger_key BETWEEN (v_place || '0000-0000-000000000000')::uuid AND (v_place || 'ffff-ffff-ffffffffffff')::uuid
           AND t.ledger_key = ANY (p_settlement.action_keys)
           AND t.tenant_id = p_settlement.tenant_id);
END $$;

-- A page of a tenant's settlements, newest first, of one status (NULL: of any), below the one of
-- p_before and p_before_id, its created_at and id (NULL and any: from the top). A settlement that changes its status meanwhile is seen where it stands.
CREATE FUNCTION ledger.settlements(p_tenant uuid, p_status text, p_before timestamptz, p_before_id uuid, p_most integer)
RETURNS TABLE (
    settlement_id uuid, buyer uuid, merchant uuid, amount bigint, fee bigint, currency text, status text,
    created_at timestamptz, changed_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant::text, true);
    -- The newest of each status, then the newest of those: one index serves both questions.
    RETURN QUERY
        SELECT s.settlement_id, s.buyer, s.merchant, s.amount, s.fee, s.currency::text, s.status, s.created_at, s.changed_at
          FROM unnest(CASE WHEN p_status IS NOT NULL THEN ARRAY[p_status] ELSE ARRAY['accepted', 'held', 'parked', 'verified',
                        'released', 'settled', 'compensating', 'compensated', 'limbo'] END) AS asked (status),
               LATERAL (
                SELECT * FROM ledger.settlements s
                 WHERE s.tenant_id = p_tenant AND s.status = asked.status
                   AND (s.created_at, s.settlement_id) < (coalesce(p_before, 'infinity'), coalesce(p_before_id, p_tenant))
                 ORDER BY s.created_at DESC, s.settlement_id DESC LIMIT p_most
               ) s
         ORDER BY s.created_at DESC, s.settlement_id DESC LIMIT p_most;
END $$;

GRANT EXECUTE ON FUNCTION
    ledger.settlement_actions(), ledger.settlement_steps(bigint),
    ledger.settlement_leg(ledger.settlements, text),
    ledger.progress_of(ledger.settlements),
    ledger.settlement_log(ledger.settlements),
    ledger.decide_settlement(uuid, uuid, uuid, uuid, bigint, text, jsonb),
    ledger.open_settlement(uuid, uuid, uuid, uuid, bigint, text, jsonb),
    ledger.lock_settlement(uuid, uuid),
    ledger.record_action(ledger.settlements, text, text, jsonb),
    ledger.post_action(ledger.settlements, text, boolean),
    ledger.burn_free(ledger.settlements, text[]),
    ledger.attention(boolean),
    ledger.conclude(ledger.settlements, text, text, boolean) TO ledger_engine;
GRANT EXECUTE ON FUNCTION ledger.settlement_log(ledger.settlements) TO ledger_operating;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.settle_step(uuid, uuid, text, text, jsonb),
    ledger.burn_steps(uuid, uuid),
    ledger.undo_step(uuid, uuid, text),
    ledger.park(uuid, uuid),
    ledger.settlement(uuid, uuid) TO settler;
GRANT EXECUTE ON FUNCTION
    ledger.settlement(uuid, uuid),
    ledger.settlements(uuid, text, timestamptz, uuid, integer) TO reader;
GRANT CREATE ON SCHEMA ledger TO ledger_engine;
ALTER FUNCTION ledger.settle_step(uuid, uuid, text, text, jsonb) OWNER TO ledger_engine;
ALTER FUNCTION ledger.burn_steps(uuid, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.undo_step(uuid, uuid, text) OWNER TO ledger_engine;
ALTER FUNCTION ledger.park(uuid, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.settlement(uuid, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.settlements(uuid, text, timestamptz, uuid, integer) OWNER TO ledger_engine;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine;
