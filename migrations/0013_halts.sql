-- The switch that halts postings, of one merchant or of all. While it is thrown nothing moves and nothing is recorded: what is
-- asked anew fails by the name postings_halted, settlements wait. What was decided before is answered as ever.

-- A halt holds while its row is here; what became of it is in the audit.
-- No row-level security, alone among these tables: it hides rows in silence, and a halt that is not seen does not hold. Whoever
-- may not read this table fails instead, and moves nothing.
CREATE TABLE ledger.halts (
    scope     uuid PRIMARY KEY,                     -- the tenant, or ledger.platform(): the house, and so everybody
    since     timestamptz NOT NULL DEFAULT now(),
    halted_by text NOT NULL,                        -- the operator: the ARN that signed the request
    reason    text NOT NULL,                        -- in that person's words
    CONSTRAINT halts_reason_given CHECK (btrim(reason) <> '')
);
GRANT SELECT ON ledger.halts TO ledger_engine, auditor;
GRANT SELECT, INSERT, DELETE ON ledger.halts TO ledger_operating;
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON ledger.halts FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.halts ENABLE ALWAYS TRIGGER never_changed;
-- What policies keep the owner from elsewhere.
REVOKE ALL ON ledger.halts FROM ledger_owner;

CREATE POLICY operating_reads ON ledger.merchants FOR SELECT TO ledger_operating USING (true);
GRANT SELECT ON ledger.merchants TO ledger_operating;

ALTER TABLE ledger.audit
    DROP CONSTRAINT audit_act_known,
    DROP CONSTRAINT audit_reason_given,
    ADD CONSTRAINT audit_act_known CHECK (act IN
        ('dead_letters_listed', 'dead_letter_inspected', 'dead_letter_replayed', 'dead_letter_discarded',
         'settlements_listed', 'settlement_inspected', 'settlement_stopped', 'resolution_proposed', 'resolution_approved',
         'freezes_listed', 'account_frozen', 'account_unfrozen',
         'halts_listed', 'postings_halted', 'postings_resumed')),
    ADD CONSTRAINT audit_reason_given CHECK (reason IS NOT NULL OR act IN
        ('dead_letters_listed', 'dead_letter_inspected', 'settlements_listed', 'settlement_inspected', 'freezes_listed',
         'halts_listed'));

-- Whether this tenant's money may not move. To be asked after the locks, in a statement of its own: what waited for an account
-- sees a halt that came meanwhile. (ledger.decide asks in the statement that it reads its accounts by.)
CREATE FUNCTION ledger.is_halted(p_tenant uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM ledger.halts h WHERE h.scope IN (p_tenant, ledger.platform()));
END $$;

-- Halts the postings of a scope: what starts after it commits moves nothing. What had begun may still commit, within a
-- statement's time (4 s). Verdicts: halted; stands (it was halted before, by whom and why is returned). No row: there is no
-- such merchant.
CREATE FUNCTION ledger.halt_postings(p_actor text, p_scope uuid, p_reason text)
RETURNS TABLE (verdict text, since timestamptz, halted_by text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF ledger.is_scope(p_scope) THEN
        INSERT INTO ledger.halts (scope, halted_by, reason) VALUES (p_scope, p_actor, p_reason) ON CONFLICT DO NOTHING;
        verdict := CASE WHEN FOUND THEN 'halted' ELSE 'stands' END;
    END IF;
    INSERT INTO ledger.audit (actor, act, outcome, subject, reason)
    VALUES (p_actor, 'postings_halted', CASE verdict WHEN 'halted' THEN 'done' WHEN 'stands' THEN 'repeated' ELSE 'unknown' END,
            ledger.scope_name(p_scope), p_reason);
    RETURN QUERY SELECT verdict, h.since, h.halted_by, h.reason FROM ledger.halts h WHERE h.scope = p_scope AND verdict IS NOT NULL;
END $$;

-- Ends the halt of a scope; that of everybody holds on its own, and does not end those of single merchants. Verdicts: resumed;
-- stands (there was none). No row: there is no such merchant.
CREATE FUNCTION ledger.resume_postings(p_actor text, p_scope uuid, p_reason text) RETURNS TABLE (verdict text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF ledger.is_scope(p_scope) THEN
        DELETE FROM ledger.halts h WHERE h.scope = p_scope;
        verdict := CASE WHEN FOUND THEN 'resumed' ELSE 'stands' END;
    END IF;
    INSERT INTO ledger.audit (actor, act, outcome, subject, reason)
    VALUES (p_actor, 'postings_resumed', CASE verdict WHEN 'resumed' THEN 'done' WHEN 'stands' THEN 'repeated' ELSE 'unknown' END,
            ledger.scope_name(p_scope), p_reason);
    IF verdict IS NOT NULL THEN
        RETURN NEXT;
    END IF;
END $$;

-- The halts that hold, in the order of their scopes, above p_after (NULL: from the first).
CREATE FUNCTION ledger.halts_that_hold(p_actor text, p_after uuid, p_most integer) RETURNS SETOF ledger.halts
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.audit (actor, act, subject)
    VALUES (p_actor, 'halts_listed', format('after=%s most=%s', coalesce(p_after::text, 'none'), p_most));
    RETURN QUERY SELECT * FROM ledger.halts h WHERE p_after IS NULL OR h.scope > p_after ORDER BY h.scope LIMIT p_most;
END $$;

-- Whether there is anybody whose postings this halts. A mistyped id must not look like a halt.
CREATE FUNCTION ledger.is_scope(p_scope uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN p_scope = ledger.platform() OR EXISTS (SELECT FROM ledger.merchants m WHERE m.tenant_id = p_scope);
END $$;

-- How the audit and the operators' routes call a scope: domain::halt.
CREATE FUNCTION ledger.scope_name(p_scope uuid) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE p_scope WHEN ledger.platform() THEN 'all' ELSE p_scope::text END;

GRANT EXECUTE ON FUNCTION ledger.is_halted(uuid) TO ledger_engine;
GRANT EXECUTE ON FUNCTION ledger.platform(), ledger.is_scope(uuid), ledger.scope_name(uuid) TO ledger_operating;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.halt_postings(text, uuid, text),
    ledger.resume_postings(text, uuid, text),
    ledger.halts_that_hold(text, uuid, integer) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_operating;
ALTER FUNCTION ledger.halt_postings(text, uuid, text) OWNER TO ledger_operating;
ALTER FUNCTION ledger.resume_postings(text, uuid, text) OWNER TO ledger_operating;
ALTER FUNCTION ledger.halts_that_hold(text, uuid, integer) OWNER TO ledger_operating;
REVOKE CREATE ON SCHEMA ledger FROM ledger_operating;
