-- The switch that halts postings, of one merchant or of all. While it is thrown nothing moves and nothing is recorded: what is
-- asked anew fails by the name postings_halted, settlements wait. What was decided before is answered as ever.

-- A halt holds while its row is here; what became of it is in the audit.
-- No row-level security, alone among these tables: it hides rows in silence, and a halt that is not seen does not hold. Whoever
-- may not read this table fails instead, and moves nothing.
CREATE TABLE ledger.halts (
    scope     uuid PRIMARY KEY,                     -- the tenant, or ledger.platform(): the house, and so everybody
    since     timestamptz NOT NULL,                 -- also which halt it is: a lift names it
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

-- Whether this tenant's money may not move. To be asked after the locks, in a statement of its own: what waited for an account
-- sees a halt that came meanwhile. (ledger.decide asks in the statement that it reads its accounts by.)
CREATE FUNCTION ledger.is_halted(p_tenant uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM ledger.halts h WHERE h.scope IN (p_tenant, ledger.platform()));
END $$;

-- One turn of a scope's switch at a time, until the end of the transaction: a halt that finds another's is not to lose it to a
-- lift before it has told of it. To be called in a statement of its own; what the later ones read is younger.
CREATE FUNCTION ledger.lock_halt(p_scope uuid) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT pg_advisory_xact_lock(hashtextextended('halt ' || p_scope::text, 0));
END;

-- Halts the postings of a scope: what starts after it commits moves nothing. What had begun may still commit, within a
-- statement's time (4 s), or the pooler's limit (query_timeout) if its client dies before it ends its transaction.
-- Verdicts: halted; stands (it was halted before: by whom and why is returned). No row: there is no such merchant.
CREATE FUNCTION ledger.halt_postings(p_actor text, p_scope uuid, p_justification ledger.justification)
RETURNS TABLE (verdict text, since timestamptz, halted_by text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM ledger.lock_halt(p_scope);
    IF ledger.is_scope(p_scope) THEN
        -- The clock under the lock, and not the time at which the transaction began: no two halts of a scope have one time.
        INSERT INTO ledger.halts (scope, since, halted_by, reason)
        VALUES (p_scope, clock_timestamp(), p_actor, ledger.reason_of(p_justification))
            ON CONFLICT DO NOTHING;
        verdict := CASE WHEN FOUND THEN 'halted' ELSE 'stands' END;
    END IF;
    PERFORM ledger.note_decision(
        p_actor, 'postings_halted', CASE verdict WHEN 'halted' THEN 'done' WHEN 'stands' THEN 'repeated' ELSE 'unknown' END,
        ledger.scope_name(p_scope), NULL, p_justification);
    RETURN QUERY SELECT verdict, h.since, h.halted_by, h.reason FROM ledger.halts h WHERE h.scope = p_scope AND verdict IS NOT NULL;
END $$;

-- Ends the halt of a scope that has held since p_since, and no other: a lift that comes late, or twice, must not end what
-- somebody has halted after it. That of everybody holds on its own, and does not end those of single merchants. Verdicts:
-- resumed; repeated (none holds); stands (another holds: since when, by whom and why is returned). No row: there is no such
-- merchant.
CREATE FUNCTION ledger.resume_postings(p_actor text, p_scope uuid, p_since timestamptz, p_justification ledger.justification)
RETURNS TABLE (verdict text, since timestamptz, halted_by text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM ledger.lock_halt(p_scope);
    IF ledger.is_scope(p_scope) THEN
        DELETE FROM ledger.halts h WHERE h.scope = p_scope AND h.since = p_since;
        verdict := CASE WHEN FOUND THEN 'resumed'
                        WHEN EXISTS (SELECT FROM ledger.halts h WHERE h.scope = p_scope) THEN 'stands'
                        ELSE 'repeated' END;
    END IF;
    -- The time as a statement has it, to the microsecond: domain::answer::timestamp.
    PERFORM ledger.note_decision(
        p_actor, 'postings_resumed',
        CASE verdict WHEN 'resumed' THEN 'done' WHEN 'repeated' THEN 'repeated' WHEN 'stands' THEN 'refused' ELSE 'unknown' END,
        ledger.scope_name(p_scope), to_char(p_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), p_justification);
    RETURN QUERY SELECT verdict, h.since, h.halted_by, h.reason
                   FROM (SELECT 1) AS one LEFT JOIN ledger.halts h ON h.scope = p_scope WHERE verdict IS NOT NULL;
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
GRANT EXECUTE ON FUNCTION ledger.platform(), ledger.lock_halt(uuid), ledger.is_scope(uuid), ledger.scope_name(uuid) TO ledger_operating;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.halt_postings(text, uuid, ledger.justification),
    ledger.resume_postings(text, uuid, timestamptz, ledger.justification),
    ledger.halts_that_hold(text, uuid, integer) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_operating;
ALTER FUNCTION ledger.halt_postings(text, uuid, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.resume_postings(text, uuid, timestamptz, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.halts_that_hold(text, uuid, integer) OWNER TO ledger_operating;
REVOKE CREATE ON SCHEMA ledger FROM ledger_operating;
