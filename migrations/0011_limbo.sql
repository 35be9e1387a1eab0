-- Limbo: a settlement whose compensation keeps failing waits for people, and its merchant is frozen meanwhile. Two people
-- decide, once; what they decided passes the freeze. And freezing an account at an operator's word. Whatever comes of what
-- an operator asks for, that it was asked is in the audit.

-- Whom an actor's name stands for: of an ARN (domain::principal) its last part, in whatever account, role and case. A person's user
-- and sessions bear one name, which whoever deploys this sees to (docs/limbo.md); so two of one name are one person.
CREATE FUNCTION ledger.person(p_actor text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN lower(substring(p_actor FROM '[^/]*$'));

-- Why an account is frozen. accounts.frozen_at is set while any of its freezes is open.
CREATE TABLE ledger.freezes (
    freeze_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    tenant_id  uuid NOT NULL,                       -- the account's owner
    reference  uuid,                                -- the settlement in limbo
    since      timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,                         -- NULL: open
    cause      text NOT NULL,                       -- limbo, operator
    frozen_by  text,                                -- the operator: the ARN that signed the request
    reason     text NOT NULL,                       -- in the operator's words; of limbo, the name of what kept failing
    CONSTRAINT freezes_cause_known CHECK (cause = 'limbo' AND reference IS NOT NULL AND frozen_by IS NULL
                                       OR cause = 'operator' AND reference IS NULL AND frozen_by IS NOT NULL)
);
CREATE UNIQUE INDEX freezes_open_once ON ledger.freezes (account_id, cause, reference) NULLS NOT DISTINCT WHERE ended_at IS NULL;
CREATE INDEX freezes_of_account ON ledger.freezes (account_id, freeze_id);
CREATE INDEX freezes_open_of_settlement ON ledger.freezes (reference) WHERE ended_at IS NULL;
CREATE INDEX freezes_open_of_limbo ON ledger.freezes (tenant_id) WHERE ended_at IS NULL AND cause = 'limbo';
-- What a settlement in limbo freezes: few of a tenant's accounts.
CREATE INDEX accounts_frozen_in_limbo ON ledger.accounts (tenant_id) WHERE purpose IN ('merchant', 'escrow');

-- What one person proposes to do about a settlement in limbo.
CREATE TABLE ledger.resolution_proposals (
    proposal_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    settlement_id uuid NOT NULL,
    tenant_id     uuid NOT NULL,                    -- the settlement's
    proposed_at   timestamptz NOT NULL DEFAULT now(),
    decision      text NOT NULL,                    -- release, refund
    proposed_by   text NOT NULL,                    -- the ARN that signed the request
    reason        text NOT NULL,                    -- in that person's words
    CONSTRAINT proposals_decision_known CHECK (decision IN ('release', 'refund')),
    CONSTRAINT proposals_reason_given CHECK (btrim(reason) <> '')
);
CREATE INDEX proposals_of_settlement ON ledger.resolution_proposals (settlement_id, proposal_id);

-- The proposal that a second person approved: once for each settlement, and never taken back.
CREATE TABLE ledger.resolutions (
    settlement_id uuid NOT NULL,
    tenant_id     uuid NOT NULL,                    -- the settlement's
    proposal_id   bigint NOT NULL REFERENCES ledger.resolution_proposals,
    approved_at   timestamptz NOT NULL DEFAULT now(),
    decision      text NOT NULL,                    -- these three as proposed
    proposed_by   text NOT NULL,
    approved_by   text NOT NULL,                    -- the ARN that signed the request
    reason        text NOT NULL,                    -- in the second person's words
    CONSTRAINT resolutions_once PRIMARY KEY (settlement_id),
    CONSTRAINT resolutions_decision_known CHECK (decision IN ('release', 'refund')),
    CONSTRAINT resolutions_two_people CHECK (ledger.person(approved_by) <> ledger.person(proposed_by)),
    CONSTRAINT resolutions_reason_given CHECK (btrim(reason) <> '')
);

ALTER TABLE ledger.freezes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.resolution_proposals ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.resolutions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.freezes TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY engine_in_tenant ON ledger.resolutions FOR SELECT TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY operating_everywhere ON ledger.accounts TO ledger_operating USING (true);
CREATE POLICY operating_everywhere ON ledger.freezes TO ledger_operating USING (true);
CREATE POLICY operating_everywhere ON ledger.resolution_proposals TO ledger_operating USING (true);
CREATE POLICY operating_everywhere ON ledger.resolutions TO ledger_operating USING (true);
CREATE POLICY operating_writes ON ledger.audit FOR INSERT TO ledger_operating WITH CHECK (true);
CREATE POLICY auditor_reads ON ledger.freezes FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.resolution_proposals FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.resolutions FOR SELECT TO auditor USING (true);
GRANT SELECT, INSERT, UPDATE (ended_at) ON ledger.freezes TO ledger_engine, ledger_operating;
GRANT UPDATE (frozen_at) ON ledger.accounts TO ledger_engine, ledger_operating;
GRANT SELECT ON ledger.accounts TO ledger_operating;
GRANT SELECT ON ledger.resolutions TO ledger_engine;
GRANT SELECT, INSERT ON ledger.resolution_proposals, ledger.resolutions TO ledger_operating;
GRANT INSERT ON ledger.audit TO ledger_operating;
GRANT SELECT ON ledger.freezes, ledger.resolution_proposals, ledger.resolutions TO auditor;
SELECT ledger.guard('ledger.resolution_proposals', false), ledger.guard('ledger.resolutions', false);
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.freezes FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.freezes ENABLE ALWAYS TRIGGER never_removed;

-- What two people have decided: 'release' or 'refund'; NULL: nothing yet.
CREATE FUNCTION ledger.decision_on(p_settlement uuid) RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT decision FROM ledger.resolutions WHERE settlement_id = p_settlement);

-- Brings frozen_at of *locked* accounts after their freezes.
CREATE FUNCTION ledger.show_freezes(p_accounts uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger.accounts a
       SET frozen_at = (SELECT min(f.since) FROM ledger.freezes f WHERE f.account_id = a.account_id AND f.ended_at IS NULL)
     WHERE a.account_id = ANY (p_accounts);
END $$;

-- Locks the accounts that a settlement in limbo has frozen, in the order of their ids and before any other: its end will
-- unfreeze them all. What it debits itself is among them.
CREATE FUNCTION ledger.lock_limbo_freezes(p_settlement ledger.settlements) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_settlement.limbo_at IS NOT NULL THEN
        PERFORM FROM ledger.accounts a
          WHERE a.account_id IN (SELECT f.account_id FROM ledger.freezes f
                                  WHERE f.reference = p_settlement.settlement_id AND f.ended_at IS NULL)
          ORDER BY a.account_id FOR UPDATE;
    END IF;
END $$;

-- Ends what a settlement in limbo froze; what is frozen for another cause stays so. The accounts are locked.
CREATE FUNCTION ledger.end_limbo_freezes(p_settlement ledger.settlements) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_accounts uuid[];
BEGIN
    WITH ended AS (
        UPDATE ledger.freezes SET ended_at = now()
         WHERE reference = p_settlement.settlement_id AND ended_at IS NULL RETURNING account_id
    )
    SELECT array_agg(account_id) INTO v_accounts FROM ended;
    PERFORM ledger.show_freezes(v_accounts);
END $$;

-- Keeps a tenant's limbo and its new accounts apart: whichever comes second sees the first.
CREATE FUNCTION ledger.lock_newcomers(p_tenant uuid) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock(hashtextextended('limbo ' || p_tenant::text, 0));
END;

-- What is opened while its merchant is in limbo is frozen like what was there before.
CREATE FUNCTION ledger.freeze_newcomers() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_frozen uuid[];
BEGIN
    PERFORM ledger.lock_newcomers(tenant_id) FROM (SELECT DISTINCT tenant_id FROM opened WHERE purpose IN ('merchant', 'escrow')) AS of_tenants;
    WITH frozen AS (
        INSERT INTO ledger.freezes (account_id, tenant_id, cause, reference, reason)
        SELECT DISTINCT o.account_id, o.tenant_id, f.cause, f.reference, f.reason
          FROM opened o JOIN ledger.freezes f ON f.tenant_id = o.tenant_id AND f.cause = 'limbo' AND f.ended_at IS NULL
         WHERE o.purpose IN ('merchant', 'escrow')
        RETURNING account_id
    )
    SELECT array_agg(DISTINCT account_id) INTO v_frozen FROM frozen;
    IF v_frozen IS NOT NULL THEN
        PERFORM ledger.show_freezes(v_frozen);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER freeze_newcomers AFTER INSERT ON ledger.accounts
    REFERENCING NEW TABLE AS opened FOR EACH STATEMENT EXECUTE FUNCTION ledger.freeze_newcomers();

-- Compensation keeps failing: burns what is free, and if anything then stands, calls for people and freezes the tenant's
-- merchant and escrow accounts. p_cause: the name of what kept failing. Verdicts:
--   recorded        by this call, or
--   stands          before it
--   nothing_stands  there is nothing to decide: it is settled, or compensated
CREATE FUNCTION ledger.mark_limbo(p_tenant uuid, p_settlement uuid, p_cause text) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v ledger.settlement_progress := ledger.progress_of(v_settlement);
    v_burns boolean := v.free <> '{}';
    v_accounts uuid[];
BEGIN
    IF v_settlement.limbo_at IS NOT NULL THEN
        IF ledger.decision_on(p_settlement) IS NOT NULL THEN
            -- What was decided could not be carried out. Nobody tries again before people say so.
            UPDATE ledger.settlements SET attend_by = now() + ledger.attention(true) WHERE settlement_id = p_settlement AND ended_at IS NULL;
        END IF;
        RETURN ledger.conclude(v_settlement, 'stands', NULL, false);
    END IF;
    PERFORM ledger.burn_free(v_settlement, v.free);
    v := ledger.progress_of(v_settlement);
    IF NOT v.has_failed OR v.newest IS NULL THEN
        RETURN ledger.conclude(v_settlement, 'nothing_stands', NULL, v_burns);
    END IF;

    PERFORM ledger.lock_newcomers(p_tenant);
    v_accounts := ARRAY(SELECT a.account_id FROM ledger.accounts a
                         WHERE a.tenant_id = p_tenant AND a.purpose IN ('merchant', 'escrow')
                         ORDER BY a.account_id FOR UPDATE);
    INSERT INTO ledger.freezes (account_id, tenant_id, cause, reference, reason)
    SELECT account, p_tenant, 'limbo', p_settlement, p_cause FROM unnest(v_accounts) AS account;
    PERFORM ledger.show_freezes(v_accounts);
    UPDATE ledger.settlements SET limbo_at = now(), limbo_cause = p_cause, events = events + 1
     WHERE settlement_id = p_settlement RETURNING * INTO v_settlement;
    INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
    VALUES (p_tenant, p_settlement, v_settlement.events, 'settlement.limbo.v1');
    RETURN ledger.conclude(v_settlement, 'recorded', NULL, true);
END $$;

-- Says that an execution waits for people from now on. Verdict: awaited; the decision tells whether they have decided already.
-- An approval of a moment ago, perhaps repeated, is not put off by it.
CREATE FUNCTION ledger.await_decision(p_tenant uuid, p_settlement uuid) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
BEGIN
    IF v_settlement.status = 'limbo'
       AND (ledger.decision_on(p_settlement) IS NULL OR v_settlement.attend_by > now() + interval '2 minutes') THEN
        UPDATE ledger.settlements SET attend_by = now() + ledger.attention(true) WHERE settlement_id = p_settlement;
    END IF;
    RETURN ledger.conclude(v_settlement, 'awaited', NULL, false);
END $$;

-- Posts what people have decided to release, under keys of its own: the steps' stay burnt. Passes the freeze. Verdicts:
--   recorded     by this call, or
--   stands       before it
--   waits        postings are halted; nothing is recorded
--   out_of_turn  the money is not where this takes it from, or there is no fee
--   undecided    it is not in limbo, or no release was decided
CREATE FUNCTION ledger.resolve_step(p_tenant uuid, p_settlement uuid, p_resolution text) RETURNS ledger.settlement_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_bitmapscan = off AS $$
DECLARE
    v_settlement ledger.settlements := ledger.lock_settlement(p_tenant, p_settlement);
    v ledger.settlement_progress := ledger.progress_of(v_settlement);
    v_verdict text;
BEGIN
    IF p_resolution IN ('resolve_release', 'resolve_fee') IS NOT TRUE THEN
        PERFORM ledger.refuse('settlement_action_unknown', 'no such resolution');
    END IF;
    IF v.log ? p_resolution THEN
        v_verdict := 'stands';
    ELSIF v_settlement.limbo_at IS NULL OR ledger.decision_on(p_settlement) IS DISTINCT FROM 'release' THEN
        v_verdict := 'undecided';
    -- In limbo every key is taken and a step has failed: mark_limbo has seen to it.
    ELSIF (CASE p_resolution
        WHEN 'resolve_release' THEN v.newest = 'undo_hold'
        ELSE v_settlement.fee > 0 AND (v.log ? 'resolve_release' OR v.newest = 'undo_release')
    END) IS NOT TRUE THEN
        v_verdict := 'out_of_turn';
    ELSE
        PERFORM ledger.lock_limbo_freezes(v_settlement);
        v_verdict := ledger.post_action(v_settlement, p_resolution, true);
    END IF;
    RETURN ledger.conclude(v_settlement, v_verdict, p_resolution, v_verdict = 'recorded');
END $$;

-- An operator's look across tenants at the settlements of one status that have not ended, above the one of p_after and
-- p_after_id (NULL and any: from the start), those that wait longest first.
CREATE FUNCTION ledger.unfinished_settlements(p_actor text, p_status text, p_after timestamptz, p_after_id uuid, p_most integer)
RETURNS TABLE (
    settlement_id uuid, tenant_id uuid, amount bigint, fee bigint, currency text, status text, created_at timestamptz,
    changed_at timestamptz, limbo_at timestamptz, limbo_cause text, decision text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO ledger.audit (actor, act, subject)
    VALUES (p_actor, 'settlements_listed',
            format('status=%s after=%s,%s most=%s', p_status, coalesce(p_after::text, 'none'), coalesce(p_after_id::text, 'none'), p_most));
    RETURN QUERY
        SELECT s.settlement_id, s.tenant_id, s.amount, s.fee, s.currency::text, s.status, s.created_at, s.changed_at, s.limbo_at,
               s.limbo_cause, ledger.decision_on(s.settlement_id)
          FROM ledger.settlements s
         WHERE s.status = p_status AND s.ended_at IS NULL
           AND (p_after IS NULL OR (s.created_at, s.settlement_id) > (p_after, p_after_id))
         ORDER BY s.created_at, s.settlement_id LIMIT p_most;
END $$;

-- One settlement of any tenant as ledger.settlement shows it, and what was proposed about it, in order: [{"proposal_id",
-- "decision", "reason", "proposed_by", "proposed_at"}], and what was approved: the same with "approved_by", "approved_at".
CREATE FUNCTION ledger.inspect_settlement(p_actor text, p_settlement uuid)
RETURNS TABLE (
    settlement_id uuid, tenant_id uuid, buyer uuid, escrow uuid, merchant uuid, platform uuid, amount bigint, fee bigint,
    currency text, status text, created_at timestamptz, changed_at timestamptz, limbo_at timestamptz, limbo_cause text,
    ended_at timestamptz, decision text, log jsonb, proposals jsonb, resolution jsonb
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT s.settlement_id, s.tenant_id, s.buyer, s.escrow, s.merchant, s.platform, s.amount, s.fee, s.currency::text,
               s.status, s.created_at, s.changed_at, s.limbo_at, s.limbo_cause, s.ended_at, ledger.decision_on(s.settlement_id),
               ledger.settlement_log(s),
               (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'settlement_id' - 'tenant_id' ORDER BY p.proposal_id), '[]')
                  FROM ledger.resolution_proposals p WHERE p.settlement_id = s.settlement_id),
               (SELECT to_jsonb(r) - 'settlement_id' - 'tenant_id' FROM ledger.resolutions r WHERE r.settlement_id = s.settlement_id)
          FROM ledger.settlements s WHERE s.settlement_id = p_settlement;
    INSERT INTO ledger.audit (actor, act, outcome, subject)
    VALUES (p_actor, 'settlement_inspected', CASE WHEN FOUND THEN 'done' ELSE 'unknown' END, p_settlement::text);
END $$;

-- Proposes what to do about a settlement in limbo. Verdicts: proposed; not_in_limbo; decided (people have, before: decision is
-- what stands). No row: there is no such settlement.
CREATE FUNCTION ledger.propose_resolution(p_actor text, p_settlement uuid, p_decision text, p_justification ledger.justification)
RETURNS TABLE (verdict text, proposal_id bigint, decision text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_settlement ledger.settlements;
BEGIN
    SELECT * INTO v_settlement FROM ledger.settlements s WHERE s.settlement_id = p_settlement;
    decision := ledger.decision_on(p_settlement);
    verdict := CASE
        WHEN v_settlement.settlement_id IS NULL THEN 'unknown'
        WHEN decision IS NOT NULL THEN 'decided'
        WHEN v_settlement.status <> 'limbo' THEN 'not_in_limbo'
        ELSE 'proposed'
    END;
    PERFORM ledger.note_decision(
        p_actor, 'resolution_proposed', CASE verdict WHEN 'proposed' THEN 'done' WHEN 'unknown' THEN 'unknown' ELSE 'refused' END,
        p_settlement::text, p_decision, p_justification);
    IF verdict = 'proposed' THEN
        INSERT INTO ledger.resolution_proposals AS p (settlement_id, tenant_id, decision, proposed_by, reason)
        VALUES (p_settlement, v_settlement.tenant_id, p_decision, p_actor, ledger.reason_of(p_justification))
        RETURNING p.proposal_id INTO proposal_id;
    END IF;
    IF verdict <> 'unknown' THEN
        RETURN NEXT;
    END IF;
END $$;

-- Approves a proposal as the second person; from then on it is decided, once and for all. Returns the decision that stands,
-- with the proposal it was made by, who approved that, and a verdict: approved; decided (before, perhaps otherwise);
-- same_person (nothing is decided). No row: there is no such proposal about this settlement.
CREATE FUNCTION ledger.approve_resolution(p_actor text, p_settlement uuid, p_proposal bigint, p_justification ledger.justification)
RETURNS TABLE (verdict text, tenant_id uuid, decision text, proposal_id bigint, approved_by text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_proposal ledger.resolution_proposals;
BEGIN
    SELECT * INTO v_proposal FROM ledger.resolution_proposals p WHERE p.proposal_id = p_proposal AND p.settlement_id = p_settlement;
    IF NOT FOUND THEN
        PERFORM ledger.note_decision(p_actor, 'resolution_approved', 'unknown', p_settlement::text, p_proposal::text, p_justification);
        RETURN;
    END IF;
    verdict := 'decided';
    IF ledger.decision_on(p_settlement) IS NULL THEN
        IF ledger.person(v_proposal.proposed_by) = ledger.person(p_actor) THEN
            verdict := 'same_person';
        ELSE
            -- Proposed in limbo, and nothing leaves that but by a decision: it is in limbo still.
            INSERT INTO ledger.resolutions (settlement_id, tenant_id, proposal_id, decision, proposed_by, approved_by, reason)
            VALUES (p_settlement, v_proposal.tenant_id, p_proposal, v_proposal.decision, v_proposal.proposed_by, p_actor,
                    ledger.reason_of(p_justification))
                ON CONFLICT DO NOTHING;
            IF FOUND THEN
                verdict := 'approved';
            END IF;
        END IF;
    END IF;
    tenant_id := v_proposal.tenant_id;
    -- Its execution is told; should that be lost, another one is begun soon. Also when somebody approves once more.
    UPDATE ledger.settlements s SET attend_by = least(s.attend_by, now() + interval '1 minute')
     WHERE s.settlement_id = p_settlement AND s.status = 'limbo' AND ledger.decision_on(p_settlement) IS NOT NULL;
    SELECT r.decision, r.proposal_id, r.approved_by INTO decision, proposal_id, approved_by
      FROM ledger.resolutions r WHERE r.settlement_id = p_settlement;
    PERFORM ledger.note_decision(
        p_actor, 'resolution_approved',
        CASE WHEN verdict = 'approved' THEN 'done' WHEN verdict = 'decided' AND proposal_id = p_proposal THEN 'repeated' ELSE 'refused' END,
        p_settlement::text, p_proposal::text, p_justification);
    RETURN NEXT;
END $$;

-- Stops a settlement at an operator's word, as if its compensation had kept failing; two people decide then. Verdicts: stopped;
-- stands (it was in limbo before); nothing_stands (there is nothing to decide: it has ended, or has by this). No row: there is no
-- such settlement.
CREATE FUNCTION ledger.stop_settlement(p_actor text, p_settlement uuid, p_justification ledger.justification)
RETURNS TABLE (verdict text, status text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_settlement ledger.settlements;
    v_answer ledger.settlement_answer;
    v_outcome text := 'unknown';
BEGIN
    -- Locked: it neither ends nor is decided between this look and what follows from it.
    SELECT * INTO v_settlement FROM ledger.settlements s WHERE s.settlement_id = p_settlement FOR UPDATE;
    status := v_settlement.status;
    IF v_settlement.ended_at IS NOT NULL THEN
        verdict := 'nothing_stands';
        v_outcome := 'refused';
    ELSIF v_settlement.limbo_at IS NOT NULL THEN
        -- Not marked again: that would take what was decided for failed, and put it off.
        verdict := 'stands';
        v_outcome := 'repeated';
    ELSIF v_settlement.settlement_id IS NOT NULL THEN
        v_answer := ledger.mark_limbo(v_settlement.tenant_id, p_settlement, 'operator');
        verdict := CASE v_answer.verdict WHEN 'recorded' THEN 'stopped' ELSE v_answer.verdict END;
        status := v_answer.status;
        v_outcome := 'done';
        -- An execution takes it up that looks at it, or is begun soon: somebody is paged by it, and waits.
        UPDATE ledger.settlements s SET attend_by = least(s.attend_by, now() + interval '1 minute')
         WHERE s.settlement_id = p_settlement AND verdict = 'stopped';
    END IF;
    PERFORM ledger.note_decision(p_actor, 'settlement_stopped', v_outcome, p_settlement::text, NULL, p_justification);
    IF verdict IS NOT NULL THEN
        RETURN NEXT;
    END IF;
END $$;

-- Freezes an account at an operator's word: what starts after it commits is refused, or waits. Verdicts: frozen; stands (an
-- operator's freeze is open). No row: there is no such account.
CREATE FUNCTION ledger.freeze_account(p_actor text, p_account uuid, p_justification ledger.justification)
RETURNS TABLE (verdict text, tenant_id uuid, frozen_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_account ledger.accounts;
    v_verdict text := 'stands';
BEGIN
    SELECT * INTO v_account FROM ledger.accounts a WHERE a.account_id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.note_decision(p_actor, 'account_frozen', 'unknown', p_account::text, NULL, p_justification);
        RETURN;
    END IF;
    INSERT INTO ledger.freezes (account_id, tenant_id, cause, frozen_by, reason)
    VALUES (p_account, v_account.tenant_id, 'operator', p_actor, ledger.reason_of(p_justification))
        ON CONFLICT DO NOTHING;
    IF FOUND THEN
        v_verdict := 'frozen';
        PERFORM ledger.show_freezes(ARRAY[p_account]);
    END IF;
    PERFORM ledger.note_decision(
        p_actor, 'account_frozen', CASE v_verdict WHEN 'stands' THEN 'repeated' ELSE 'done' END, p_account::text, NULL, p_justification);
    RETURN QUERY SELECT v_verdict, a.tenant_id, a.frozen_at FROM ledger.accounts a WHERE a.account_id = p_account;
END $$;

-- Ends an operator's freeze. frozen_at is not NULL afterwards if another cause holds. Verdicts: unfrozen; stands (no
-- operator's freeze was open). No row: there is no such account.
CREATE FUNCTION ledger.unfreeze_account(p_actor text, p_account uuid, p_justification ledger.justification)
RETURNS TABLE (verdict text, tenant_id uuid, frozen_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_verdict text := 'stands';
BEGIN
    PERFORM FROM ledger.accounts a WHERE a.account_id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.note_decision(p_actor, 'account_unfrozen', 'unknown', p_account::text, NULL, p_justification);
        RETURN;
    END IF;
    UPDATE ledger.freezes f SET ended_at = now() WHERE f.account_id = p_account AND f.cause = 'operator' AND f.ended_at IS NULL;
    IF FOUND THEN
        v_verdict := 'unfrozen';
        PERFORM ledger.show_freezes(ARRAY[p_account]);
    END IF;
    PERFORM ledger.note_decision(
        p_actor, 'account_unfrozen', CASE v_verdict WHEN 'stands' THEN 'repeated' ELSE 'done' END, p_account::text, NULL, p_justification);
    RETURN QUERY SELECT v_verdict, a.tenant_id, a.frozen_at FROM ledger.accounts a WHERE a.account_id = p_account;
END $$;

-- The freezes of an account below p_before (NULL: from the newest), newest first, open and ended. One row of NULLs: it has none.
-- No row: there is no such account.
CREATE FUNCTION ledger.freezes_of(p_actor text, p_account uuid, p_before bigint, p_most integer)
RETURNS TABLE (
    freeze_id bigint, cause text, reference uuid, frozen_by text, reason text, since timestamptz, ended_at timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT f.freeze_id, f.cause, f.reference, f.frozen_by, f.reason, f.since, f.ended_at
          FROM ledger.accounts a
          LEFT JOIN LATERAL (
                SELECT * FROM ledger.freezes f
                 WHERE f.account_id = p_account AND f.freeze_id < coalesce(p_before, 9223372036854775807)
                 ORDER BY f.freeze_id DESC LIMIT p_most
               ) f ON true
         WHERE a.account_id = p_account
         ORDER BY f.freeze_id DESC;
    INSERT INTO ledger.audit (actor, act, outcome, subject)
    VALUES (p_actor, 'freezes_listed', CASE WHEN FOUND THEN 'done' ELSE 'unknown' END, p_account::text);
END $$;

-- Takes up to p_most settlements that nobody has attended to in time, for whoever begins another execution of them; should that
-- be lost as well, they come back: after a quarter of the time that nothing has become of them, so that executions which live and
-- get nowhere are not joined by ever more. lapsed_at: when it should have been.
CREATE FUNCTION ledger.lease_lapsed(p_most integer) RETURNS TABLE (tenant_id uuid, settlement_id uuid, lapsed_at timestamptz)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH lapsed AS (
        SELECT s.tenant_id, s.settlement_id, s.attend_by FROM ledger.settlements s
         WHERE s.ended_at IS NULL AND s.attend_by <= now()
         ORDER BY s.attend_by LIMIT p_most FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE ledger.settlements s SET attend_by = now() + greatest(ledger.attention(false), (now() - s.changed_at) / 4)
          FROM lapsed l WHERE s.settlement_id = l.settlement_id
    )
    SELECT l.tenant_id, l.settlement_id, l.attend_by FROM lapsed l;
END;

-- For the metrics: how many verifications are parked, how many settlements are in limbo, and how long ago the oldest was
-- requested that is neither finished nor in limbo (whole seconds; 0: there is none).
CREATE FUNCTION ledger.settlements_health(OUT parked bigint, OUT limbo bigint, OUT oldest_seconds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(*) FILTER (WHERE s.status = 'parked'), count(*) FILTER (WHERE s.status = 'limbo'),
           coalesce(floor(extract(epoch FROM now() - min(s.created_at) FILTER (WHERE s.status <> 'limbo'))), 0)::bigint
      FROM ledger.settlements s WHERE s.ended_at IS NULL;
END;

GRANT EXECUTE ON FUNCTION ledger.decision_on(uuid), ledger.show_freezes(uuid[]) TO ledger_engine, ledger_operating;
GRANT EXECUTE ON FUNCTION ledger.attention(boolean), ledger.person(text) TO ledger_operating;
GRANT EXECUTE ON FUNCTION
    ledger.lock_limbo_freezes(ledger.settlements), ledger.end_limbo_freezes(ledger.settlements), ledger.lock_newcomers(uuid) TO ledger_engine;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.mark_limbo(uuid, uuid, text), ledger.await_decision(uuid, uuid), ledger.resolve_step(uuid, uuid, text) TO settler;
GRANT EXECUTE ON FUNCTION ledger.mark_limbo(uuid, uuid, text) TO ledger_operating;
GRANT EXECUTE ON FUNCTION ledger.lease_lapsed(integer), ledger.settlements_health() TO resumer;
GRANT EXECUTE ON FUNCTION
    ledger.unfinished_settlements(text, text, timestamptz, uuid, integer),
    ledger.inspect_settlement(text, uuid),
    ledger.propose_resolution(text, uuid, text, ledger.justification),
    ledger.approve_resolution(text, uuid, bigint, ledger.justification),
    ledger.stop_settlement(text, uuid, ledger.justification),
    ledger.freeze_account(text, uuid, ledger.justification),
    ledger.unfreeze_account(text, uuid, ledger.justification),
    ledger.freezes_of(text, uuid, bigint, integer) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_engine, ledger_operating;
ALTER FUNCTION ledger.mark_limbo(uuid, uuid, text) OWNER TO ledger_engine;
ALTER FUNCTION ledger.await_decision(uuid, uuid) OWNER TO ledger_engine;
ALTER FUNCTION ledger.resolve_step(uuid, uuid, text) OWNER TO ledger_engine;
ALTER FUNCTION ledger.lease_lapsed(integer) OWNER TO ledger_operating;
ALTER FUNCTION ledger.settlements_health() OWNER TO ledger_operating;
ALTER FUNCTION ledger.unfinished_settlements(text, text, timestamptz, uuid, integer) OWNER TO ledger_operating;
ALTER FUNCTION ledger.inspect_settlement(text, uuid) OWNER TO ledger_operating;
ALTER FUNCTION ledger.propose_resolution(text, uuid, text, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.approve_resolution(text, uuid, bigint, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.stop_settlement(text, uuid, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.freeze_account(text, uuid, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.unfreeze_account(text, uuid, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.freezes_of(text, uuid, bigint, integer) OWNER TO ledger_operating;
REVOKE CREATE ON SCHEMA ledger FROM ledger_engine, ledger_operating;
