-- External statements: what payment providers and banks say they moved, matched to the ledger (domain::statement), and the breaks
-- that remain until people have resolved them. A file is taken in whole, in one commit, or not at all.

CREATE ROLE ledger_matching NOLOGIN;  -- owns what takes a statement; crosses tenants, reads what moved, writes nothing of money
CREATE ROLE matcher LOGIN;            -- match-statement
GRANT ledger_matching TO ledger_owner WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA ledger TO ledger_matching, matcher;
ALTER ROLE matcher SET statement_timeout = '4s';
ALTER ROLE matcher SET lock_timeout = '3s';
ALTER ROLE matcher SET default_transaction_isolation = 'read committed';

-- A file that was taken.
CREATE TABLE ledger.statements (
    statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    period_from  timestamptz NOT NULL,              -- what moved from this moment on
    period_to    timestamptz NOT NULL,              -- and before this one must be in it
    taken_at     timestamptz NOT NULL DEFAULT now(),
    matched      integer NOT NULL,                  -- lines that say what the ledger says
    other        integer NOT NULL,                  -- lines that the mapping does not compare
    every_days   smallint NOT NULL,                 -- the next period ends so many days after this one, at the latest
    sha256       bytea NOT NULL,                    -- of the file's bytes
    provider     text NOT NULL,
    object       text NOT NULL,                     -- its key in the bucket
    -- The same bytes about other days are another file: "nothing moved" reads the same every day.
    CONSTRAINT statements_once UNIQUE (provider, period_from, period_to, sha256),
    CONSTRAINT statements_period_ends CHECK (period_from < period_to),
    CONSTRAINT statements_counts CHECK (matched >= 0 AND other >= 0 AND every_days > 0),
    CONSTRAINT statements_sha256_length CHECK (octet_length(sha256) = 32)
);
CREATE INDEX statements_of_provider ON ledger.statements (provider, statement_id);

-- Which transactions a provider's files have told of as the ledger does: once each, for ever. Of each provider by itself: what a
-- processor and a bank tell of may well be the same. Without a foreign key: both are written by one statement, and never removed.
CREATE TABLE ledger.statement_matches (
    ledger_key   uuid NOT NULL,
    statement_id bigint NOT NULL,
    line         integer NOT NULL,                  -- the line's number; the header is 1
    provider     text NOT NULL,                     -- the statement's
    CONSTRAINT matches_once PRIMARY KEY (provider, ledger_key)
);

-- Where a file and the ledger differ. What was found stays as it was found; people add what became of it.
CREATE TABLE ledger.breaks (
    break_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_id    bigint NOT NULL REFERENCES ledger.statements,
    ledger_key      uuid,                           -- the transaction it is about; NULL: the ledger holds none
    tenant_id       uuid,                           -- the transaction's
    ours_amount     bigint,                         -- minor units, as the ledger holds it
    theirs_amount   bigint,                         -- minor units, as the file has it, of either sign
    opened_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at     timestamptz,                    -- NULL: it is open
    resolved_in     bigint REFERENCES ledger.statements, -- the later file that had what was missing in this one
    line            integer,                        -- the line's number; NULL: it is missing there
    theirs_date     date,
    ours_currency   char(3),                        -- ISO 4217, as the three below
    theirs_currency char(3),
    kind            text NOT NULL,                  -- domain::statement::breaks
    defect          text,                           -- why the line cannot be read (domain::statement::line)
    provider        text NOT NULL,                  -- the statement's
    reference       text,                           -- what the line says it is about
    resolved_by     text,                           -- the ARN that signed the request
    resolution      text,                           -- in that person's words
    CONSTRAINT breaks_kind_known CHECK (kind IN
        ('unreadable', 'missing_here', 'missing_there', 'amount_differs', 'currency_differs', 'duplicate')),
    CONSTRAINT breaks_defect_known CHECK (defect IN
        ('too_long', 'not_text', 'no_record', 'fields', 'reference', 'card_number', 'currency', 'amount', 'date', 'outside_period')),
    CONSTRAINT breaks_line_whole CHECK ((line IS NULL) = (kind = 'missing_there') AND (defect IS NULL) = (kind <> 'unreadable')),
    CONSTRAINT breaks_theirs_whole CHECK (num_nonnulls(reference, theirs_amount, theirs_currency, theirs_date)
                                          = CASE WHEN kind IN ('unreadable', 'missing_there') THEN 0 ELSE 4 END),
    CONSTRAINT breaks_ours_whole CHECK (num_nonnulls(ledger_key, tenant_id, ours_amount, ours_currency)
                                        = CASE WHEN kind IN ('unreadable', 'missing_here') OR kind = 'duplicate' AND ledger_key IS NULL
                                               THEN 0 ELSE 4 END),
    -- By a person, who says why; or by a later file.
    CONSTRAINT breaks_resolved_whole CHECK (num_nonnulls(resolved_by, resolution) = CASE WHEN resolved_at IS NULL OR resolved_in IS NOT NULL THEN 0 ELSE 2 END
                                            AND (resolved_in IS NULL OR resolved_at IS NOT NULL)),
    CONSTRAINT breaks_resolution_given CHECK (btrim(resolution) <> '')
);
CREATE INDEX breaks_open ON ledger.breaks (break_id) WHERE resolved_at IS NULL;
-- Periods may overlap, as a day's and its month's do: what is missing is missing once.
CREATE UNIQUE INDEX breaks_missing_there_once ON ledger.breaks (provider, ledger_key) WHERE kind = 'missing_there';

-- Who looks into a break; the newest one counts.
CREATE TABLE ledger.break_assignments (
    assignment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    break_id      bigint NOT NULL REFERENCES ledger.breaks,
    assigned_at   timestamptz NOT NULL DEFAULT now(),
    assignee      text NOT NULL,                    -- whom people know by this name
    assigned_by   text NOT NULL,                    -- the ARN that signed the request
    reason        text NOT NULL,                    -- in that person's words
    CONSTRAINT assignments_told CHECK (btrim(assignee) <> '' AND btrim(reason) <> '')
);
CREATE INDEX assignments_of_break ON ledger.break_assignments (break_id, assignment_id);

-- What a statement can tell of: what moved money in or out, or between buyer and merchant, and when. A settlement has moved it when it
-- has settled; its steps are nobody's business but ours.
CREATE VIEW ledger.statement_rows WITH (security_invoker = true) AS
    SELECT ledger_key, tenant_id, kind, amount, currency::text AS currency, created_at AS moved_at
      FROM ledger.ledger_transactions
     WHERE outcome = 'posted' AND kind IN ('payment', 'deposit', 'refund', 'reversal')
    UNION ALL
    SELECT settlement_id, tenant_id, 'settlement', amount, currency::text, ended_at
      FROM ledger.settlements
     WHERE status = 'settled';
-- A break as operators see it.
CREATE VIEW ledger.shown_breaks WITH (security_invoker = true) AS
    SELECT b.*, s.object, a.assignee, a.assigned_by, a.assigned_at, a.reason AS assigned_for
      FROM ledger.breaks b
      JOIN ledger.statements s USING (statement_id)
      LEFT JOIN LATERAL (SELECT * FROM ledger.break_assignments a WHERE a.break_id = b.break_id ORDER BY a.assignment_id DESC LIMIT 1) a ON true;

ALTER TABLE ledger.statements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.statement_matches ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.breaks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.break_assignments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY matching_reads ON ledger.ledger_transactions FOR SELECT TO ledger_matching USING (true);
CREATE POLICY matching_reads ON ledger.settlements FOR SELECT TO ledger_matching USING (true);
CREATE POLICY matching_everywhere ON ledger.statements TO ledger_matching USING (true);
CREATE POLICY matching_everywhere ON ledger.statement_matches TO ledger_matching USING (true);
CREATE POLICY matching_everywhere ON ledger.breaks TO ledger_matching USING (true);
CREATE POLICY operating_reads ON ledger.statements FOR SELECT TO ledger_operating USING (true);
CREATE POLICY operating_everywhere ON ledger.breaks TO ledger_operating USING (true);
CREATE POLICY operating_everywhere ON ledger.break_assignments TO ledger_operating USING (true);
CREATE POLICY auditor_reads ON ledger.statements FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.statement_matches FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.breaks FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.break_assignments FOR SELECT TO auditor USING (true);
-- Not the details: they may hold personal data.
GRANT SELECT (ledger_key, tenant_id, kind, outcome, amount, currency, created_at) ON ledger.ledger_transactions TO ledger_matching;
GRANT SELECT (settlement_id, tenant_id, amount, currency, status, ended_at) ON ledger.settlements TO ledger_matching;
GRANT SELECT ON ledger.statement_rows TO ledger_matching;
GRANT SELECT, INSERT ON ledger.statements, ledger.statement_matches, ledger.breaks TO ledger_matching;
GRANT UPDATE (resolved_at, resolved_in) ON ledger.breaks TO ledger_matching;
GRANT SELECT ON ledger.statements, ledger.breaks, ledger.shown_breaks TO ledger_operating;
GRANT UPDATE (resolved_at, resolved_by, resolution) ON ledger.breaks TO ledger_operating;
GRANT SELECT, INSERT ON ledger.break_assignments TO ledger_operating;
GRANT SELECT ON
    ledger.statements, ledger.statement_matches, ledger.breaks, ledger.break_assignments, ledger.statement_rows, ledger.shown_breaks TO auditor;
-- Whether there ever was a row: who sees none then has lost its sight.
GRANT SELECT ON SEQUENCE ledger.statements_statement_id_seq, ledger.breaks_break_id_seq TO auditor;
SELECT ledger.guard('ledger.statements', false), ledger.guard('ledger.statement_matches', false), ledger.guard('ledger.break_assignments', false);
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.breaks FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.breaks ENABLE ALWAYS TRIGGER never_removed;

-- A break that was resolved stays so, and what was found stays as it was found, whoever writes.
CREATE FUNCTION ledger.refuse_unresolving() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.resolved_at IS NOT NULL
       OR to_jsonb(OLD) - ARRAY['resolved_at', 'resolved_in', 'resolved_by', 'resolution']
          IS DISTINCT FROM to_jsonb(NEW) - ARRAY['resolved_at', 'resolved_in', 'resolved_by', 'resolution'] THEN
        RAISE EXCEPTION USING
            ERRCODE = 'OL002', CONSTRAINT = 'break_stands', MESSAGE = 'a break is only ever resolved, and once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER break_stands BEFORE UPDATE ON ledger.breaks FOR EACH ROW EXECUTE FUNCTION ledger.refuse_unresolving();
ALTER TABLE ledger.breaks ENABLE ALWAYS TRIGGER break_stands;

-- Before a file is compared: its number if it was taken before (taken; NULL: it was not), and the number of this provider's newest
-- (0: there is none), for ledger.take_statement. Fails by the name
--   statement_too_early   its period is not over for a minute: something of it may still be under way to its commit
CREATE FUNCTION ledger.statement_standing(
    p_provider text, p_from timestamptz, p_to timestamptz, p_sha256 bytea, OUT newest bigint, OUT taken bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_to > clock_timestamp() - interval '1 minute' THEN
        PERFORM ledger.refuse('statement_too_early', 'the statement''s period is not over, or has only just ended');
    END IF;
    SELECT coalesce(max(s.statement_id), 0) INTO newest FROM ledger.statements s WHERE s.provider = p_provider;
    SELECT s.statement_id INTO taken FROM ledger.statements s
     WHERE s.provider = p_provider AND s.period_from = p_from AND s.period_to = p_to AND s.sha256 = p_sha256;
END $$;

-- Those of p_keys that the mapping covers: of these kinds, in these currencies and of these tenants, where an empty list means any.
-- is_matched: an earlier file of the provider has told of it as the ledger does.
CREATE FUNCTION ledger.statement_named(p_provider text, p_kinds text[], p_currencies text[], p_tenants uuid[], p_keys uuid[])
RETURNS TABLE (ledger_key uuid, tenant_id uuid, amount bigint, currency text, is_matched boolean)
-- Planned for the keys at hand: only then does it look into the partitions alone that may hold them.
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT r.ledger_key, r.tenant_id, r.amount, r.currency, m.ledger_key IS NOT NULL
          FROM ledger.statement_rows r
          LEFT JOIN ledger.statement_matches m ON m.provider = p_provider AND m.ledger_key = r.ledger_key
         WHERE r.ledger_key = ANY (p_keys)
           AND r.kind = ANY (p_kinds)
           AND (p_currencies = '{}' OR r.currency = ANY (p_currencies))
           AND (p_tenants = '{}' OR r.tenant_id = ANY (p_tenants));
END $$;

-- Up to p_most of what the mapping covers and moved from p_from on and before p_to.
CREATE FUNCTION ledger.statement_due(
    p_provider text, p_kinds text[], p_currencies text[], p_tenants uuid[], p_from timestamptz, p_to timestamptz, p_most integer
)
RETURNS TABLE (ledger_key uuid, tenant_id uuid, amount bigint, currency text, is_matched boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT r.ledger_key, r.tenant_id, r.amount, r.currency, m.ledger_key IS NOT NULL
          FROM ledger.statement_rows r
          LEFT JOIN ledger.statement_matches m ON m.provider = p_provider AND m.ledger_key = r.ledger_key
         WHERE r.moved_at >= p_from AND r.moved_at < p_to
           AND r.kind = ANY (p_kinds)
           AND (p_currencies = '{}' OR r.currency = ANY (p_currencies))
           AND (p_tenants = '{}' OR r.tenant_id = ANY (p_tenants))
         LIMIT p_most;
END $$;

-- Takes a file: its matches (p_keys and p_lines side by side) and its breaks, objects whose members are columns of ledger.breaks. What
-- was missing in an earlier file and is in this one is resolved by it. Verdicts:
--   taken      by this call, which opened so many breaks and resolved so many of before
--   repeated   before it; statement_id is the earlier one's
--   overtaken  another file of this provider was taken since p_newest was read: nothing was done; compare again
CREATE FUNCTION ledger.take_statement(
    p_newest bigint, p_provider text, p_object text, p_sha256 bytea, p_from timestamptz, p_to timestamptz, p_every_days smallint,
    p_other integer, p_keys uuid[], p_lines integer[], p_breaks jsonb
) RETURNS TABLE (verdict text, statement_id bigint, opened integer, resolved integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_standing record;
    -- Not the result's own name: that of a column would be meant wherever there is one.
    v_statement bigint;
BEGIN
    -- One file of a provider at a time. The lock in one statement and the look in the next, which then sees what it waited for.
    PERFORM pg_advisory_xact_lock(hashtextextended('statement ' || p_provider, 0));
    v_standing := ledger.statement_standing(p_provider, p_from, p_to, p_sha256);
    IF v_standing.taken IS NOT NULL THEN
        RETURN QUERY SELECT 'repeated', v_standing.taken, 0, 0;
        RETURN;
    ELSIF v_standing.newest <> p_newest THEN
        RETURN QUERY SELECT 'overtaken', NULL::bigint, 0, 0;
        RETURN;
    END IF;
    INSERT INTO ledger.statements AS s (provider, object, sha256, period_from, period_to, every_days, matched, other)
    VALUES (p_provider, p_object, p_sha256, p_from, p_to, p_every_days, cardinality(p_keys), p_other)
    RETURNING s.statement_id INTO v_statement;
    INSERT INTO ledger.statement_matches (ledger_key, statement_id, line, provider)
    SELECT m.ledger_key, v_statement, m.line, p_provider FROM unnest(p_keys, p_lines) AS m (ledger_key, line);
    UPDATE ledger.breaks b SET resolved_at = now(), resolved_in = v_statement
     WHERE b.provider = p_provider AND b.kind = 'missing_there' AND b.resolved_at IS NULL
       AND b.ledger_key IN (SELECT unnest(p_keys)
                             UNION ALL
                            SELECT f.ledger_key FROM jsonb_to_recordset(p_breaks) AS f (kind text, ledger_key uuid)
                             WHERE f.kind IN ('amount_differs', 'currency_differs'));
    GET DIAGNOSTICS resolved = ROW_COUNT;
    INSERT INTO ledger.breaks
           (statement_id, provider, kind, line, defect, reference, theirs_amount, theirs_currency, theirs_date,
            ledger_key, tenant_id, ours_amount, ours_currency)
    SELECT v_statement, p_provider, f.kind, f.line, f.defect, f.reference, f.theirs_amount, f.theirs_currency, f.theirs_date,
           f.ledger_key, f.tenant_id, f.ours_amount, f.ours_currency
      FROM ROWS FROM (jsonb_to_recordset(p_breaks) AS (
            kind text, line integer, defect text, reference text, theirs_amount bigint, theirs_currency text, theirs_date date,
            ledger_key uuid, tenant_id uuid, ours_amount bigint, ours_currency text)) WITH ORDINALITY AS f
     ORDER BY f.ordinality
        ON CONFLICT (provider, ledger_key) WHERE kind = 'missing_there' DO NOTHING;
    GET DIAGNOSTICS opened = ROW_COUNT;
    verdict := 'taken';
    statement_id := v_statement;
    RETURN NEXT;
END $$;

-- Up to p_most breaks below p_before (NULL: from the newest), newest first; open ones alone and of one provider alone if so asked
-- (NULL: of all).
CREATE FUNCTION ledger.breaks_page(p_actor text, p_open_only boolean, p_provider text, p_before bigint, p_most integer)
RETURNS SETOF ledger.shown_breaks
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.audit (actor, act, subject)
    VALUES (p_actor, 'breaks_listed', format('open=%s provider=%s before=%s most=%s', p_open_only::text, coalesce(p_provider, 'any'),
                                             coalesce(p_before::text, 'none'), p_most));
    RETURN QUERY
        SELECT * FROM ledger.shown_breaks b
         WHERE b.break_id < coalesce(p_before, 9223372036854775807)
           AND (b.resolved_at IS NULL OR NOT p_open_only)
           AND (p_provider IS NULL OR b.provider = p_provider)
         ORDER BY b.break_id DESC LIMIT p_most;
END $$;

-- One break. No row: there is none.
CREATE FUNCTION ledger.inspect_break(p_actor text, p_id bigint) RETURNS SETOF ledger.shown_breaks
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM ledger.shown_breaks b WHERE b.break_id = p_id;
    INSERT INTO ledger.audit (actor, act, outcome, subject)
    VALUES (p_actor, 'break_inspected', CASE WHEN FOUND THEN 'done' ELSE 'unknown' END, p_id::text);
END $$;

-- Says who looks into a break. Verdicts: assigned; repeated (it was this person's already); resolved (before: nothing was done). No row:
-- there is no such break.
CREATE FUNCTION ledger.assign_break(p_actor text, p_id bigint, p_assignee text, p_justification ledger.justification)
RETURNS TABLE (verdict text, shown ledger.shown_breaks)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_resolved_at timestamptz;
BEGIN
    -- Locked, in a statement of its own: it is neither resolved nor given to another between this look and what follows from it.
    SELECT b.resolved_at INTO v_resolved_at FROM ledger.breaks b WHERE b.break_id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM ledger.note_decision(p_actor, 'break_assigned', 'unknown', p_id::text, p_assignee, p_justification);
        RETURN;
    END IF;
    SELECT CASE WHEN v_resolved_at IS NOT NULL THEN 'resolved' WHEN b.assignee = p_assignee THEN 'repeated' ELSE 'assigned' END
      INTO verdict FROM ledger.shown_breaks b WHERE b.break_id = p_id;
    IF verdict = 'assigned' THEN
        INSERT INTO ledger.break_assignments (break_id, assignee, assigned_by, reason)
        VALUES (p_id, p_assignee, p_actor, ledger.reason_of(p_justification));
    END IF;
    PERFORM ledger.note_decision(
        p_actor, 'break_assigned', CASE verdict WHEN 'assigned' THEN 'done' WHEN 'repeated' THEN 'repeated' ELSE 'refused' END,
        p_id::text, p_assignee, p_justification);
    SELECT b.* INTO shown FROM ledger.shown_breaks b WHERE b.break_id = p_id;
    RETURN NEXT;
END $$;

-- Resolves a break. Verdicts: resolved; repeated (the same person resolved it before, whose words then stand); stands (somebody else did,
-- or a later file). No row: there is no such break.
CREATE FUNCTION ledger.resolve_break(p_actor text, p_id bigint, p_justification ledger.justification)
RETURNS TABLE (verdict text, shown ledger.shown_breaks)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ledger.breaks b SET resolved_at = now(), resolved_by = p_actor, resolution = ledger.reason_of(p_justification)
     WHERE b.break_id = p_id AND b.resolved_at IS NULL;
    verdict := CASE WHEN FOUND THEN 'resolved' END;
    SELECT b.* INTO shown FROM ledger.shown_breaks b WHERE b.break_id = p_id;
    IF (shown).break_id IS NOT NULL THEN
        verdict := coalesce(verdict, CASE WHEN (shown).resolved_by = p_actor THEN 'repeated' ELSE 'stands' END);
        RETURN NEXT;
    END IF;
    PERFORM ledger.note_decision(
        p_actor, 'break_resolved',
        CASE verdict WHEN 'resolved' THEN 'done' WHEN 'repeated' THEN 'repeated' WHEN 'stands' THEN 'refused' ELSE 'unknown' END,
        p_id::text, NULL, p_justification);
END $$;

GRANT EXECUTE ON FUNCTION ledger.refuse(text, text) TO ledger_matching;
-- Granted before the functions change hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION
    ledger.statement_standing(text, timestamptz, timestamptz, bytea),
    ledger.statement_named(text, text[], text[], uuid[], uuid[]),
    ledger.statement_due(text, text[], text[], uuid[], timestamptz, timestamptz, integer),
    ledger.take_statement(bigint, text, text, bytea, timestamptz, timestamptz, smallint, integer, uuid[], integer[], jsonb) TO matcher;
GRANT EXECUTE ON FUNCTION
    ledger.breaks_page(text, boolean, text, bigint, integer),
    ledger.inspect_break(text, bigint),
    ledger.assign_break(text, bigint, text, ledger.justification),
    ledger.resolve_break(text, bigint, ledger.justification) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_matching, ledger_operating;
ALTER FUNCTION ledger.statement_standing(text, timestamptz, timestamptz, bytea) OWNER TO ledger_matching;
ALTER FUNCTION ledger.statement_named(text, text[], text[], uuid[], uuid[]) OWNER TO ledger_matching;
ALTER FUNCTION ledger.statement_due(text, text[], text[], uuid[], timestamptz, timestamptz, integer) OWNER TO ledger_matching;
ALTER FUNCTION ledger.take_statement(bigint, text, text, bytea, timestamptz, timestamptz, smallint, integer, uuid[], integer[], jsonb)
    OWNER TO ledger_matching;
ALTER FUNCTION ledger.breaks_page(text, boolean, text, bigint, integer) OWNER TO ledger_operating;
ALTER FUNCTION ledger.inspect_break(text, bigint) OWNER TO ledger_operating;
ALTER FUNCTION ledger.assign_break(text, bigint, text, ledger.justification) OWNER TO ledger_operating;
ALTER FUNCTION ledger.resolve_break(text, bigint, ledger.justification) OWNER TO ledger_operating;
REVOKE CREATE ON SCHEMA ledger FROM ledger_matching, ledger_operating;
