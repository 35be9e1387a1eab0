-- Dead letters in an operator's hands, and the audit that every privileged act leaves a row in, in its own commit.

-- What an act weighs, of all that there are, and so what its row of the audit needs; NULL: there is no such act.
--   looks    nothing but who and what
--   decides  a reason, in a statement that is signed (domain::justification::Act)
--   stops    the same, but for the signature if none can be had: it keeps money where it is, and can be taken back
--   follows  a reason; it comes of what was decided before
CREATE FUNCTION ledger.weight_of(p_act text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN p_act IN ('dead_letters_listed', 'dead_letter_inspected', 'settlements_listed', 'settlement_inspected', 'freezes_listed',
                   'halts_listed', 'breaks_listed', 'break_inspected', 'erasure_inspected', 'holds_listed') THEN 'looks'
    WHEN p_act IN ('dead_letter_replayed', 'dead_letter_discarded', 'settlement_stopped', 'resolution_proposed', 'resolution_approved',
                   'account_unfrozen', 'postings_resumed', 'break_assigned', 'break_resolved',
                   'erasure_asked', 'hold_asked', 'hold_set', 'hold_lift_asked', 'hold_lifted') THEN 'decides'
    WHEN p_act IN ('account_frozen', 'postings_halted') THEN 'stops'
    WHEN p_act IN ('erasure_blocked', 'erasure_certified') THEN 'follows'
END;

-- Who does what to what, and why: a text that was signed before the ledger was asked (domain::justification), its signature, and whose
-- that is. That the signature is good no constraint can tell: reconciliation does.
CREATE DOMAIN ledger.justification AS jsonb
    CONSTRAINT justification_whole CHECK (VALUE IS NULL OR (jsonb_typeof(VALUE -> 'statement') = 'string'
                                                            AND num_nonnulls(VALUE ->> 'signature', VALUE ->> 'key_id') <> 1) IS TRUE);

CREATE TABLE ledger.audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    written_in xid8 NOT NULL DEFAULT pg_current_xact_id(), -- as ledger_entries.posted_in: reconciliation looks at what is new by it
    actor      text NOT NULL,                       -- the verified token's subject, or the ARN that signed the request
    act        text NOT NULL,                       -- ledger.weight_of
    outcome    text NOT NULL DEFAULT 'done',        -- repeated: done before; refused: decided otherwise; unknown: no such id
    subject    text,                                -- what was asked for: an id; of a list, its parameters
    terms      text,                                -- what else was decided, if act and subject do not say it all (domain::justification::Act)
    reason     text,                                -- in the actor's words
    statement  text,                                -- what was signed, to the byte
    signature  text,                                -- ECDSA over P-256 with SHA-256, in DER, as base64; NULL: none could be had
    key_id     text,                                -- who signed: the key's ARN
    CONSTRAINT audit_outcome_known CHECK (outcome IN ('done', 'repeated', 'refused', 'unknown')),
    CONSTRAINT audit_act_known CHECK (ledger.weight_of(act) IS NOT NULL),
    -- Looking needs no reason, deciding does,
    CONSTRAINT audit_reason_given CHECK (ledger.weight_of(act) = 'looks' OR reason IS NOT NULL),
    -- and a justification for this very act,
    CONSTRAINT audit_justified CHECK (CASE ledger.weight_of(act)
        WHEN 'decides' THEN num_nonnulls(statement, signature, key_id) = 3
        WHEN 'stops' THEN statement IS NOT NULL AND num_nonnulls(signature, key_id) <> 1
        ELSE num_nonnulls(statement, signature, key_id, terms) = 0 END),
    CONSTRAINT audit_statement_agrees CHECK (statement IS NULL OR
        (statement::jsonb ->> 'act', statement::jsonb ->> 'subject', statement::jsonb ->> 'terms', statement::jsonb ->> 'actor',
         statement::jsonb ->> 'reason') IS NOT DISTINCT FROM (act, subject, terms, actor, reason)),
    -- which justifies nothing else. By a hash: a reason may be longer than what the entry of a tree can hold.
    CONSTRAINT audit_statement_once EXCLUDE USING hash (statement WITH =)
);
CREATE INDEX audit_by_number ON ledger.audit ((written_in::text::bigint), id);
ALTER TABLE ledger.audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY announcing_writes ON ledger.audit FOR INSERT TO ledger_announcing WITH CHECK (true);
CREATE POLICY auditor_reads ON ledger.audit FOR SELECT TO auditor USING (true);
GRANT INSERT ON ledger.audit TO ledger_announcing;
GRANT SELECT ON ledger.audit TO auditor;
SELECT ledger.guard('ledger.audit', false);

-- The reason that a justification gives.
CREATE FUNCTION ledger.reason_of(p_justification ledger.justification) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN (p_justification ->> 'statement')::jsonb ->> 'reason';

-- Writes the row about an act that was justified. Fails by the names of the table's constraints if the justification is of another
-- act, subject or actor, of other terms, or is another row's already.
CREATE FUNCTION ledger.note_decision(
    p_actor text, p_act text, p_outcome text, p_subject text, p_terms text, p_justification ledger.justification
) RETURNS void
LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO ledger.audit (actor, act, outcome, subject, terms, reason, statement, signature, key_id)
    VALUES (p_actor, p_act, p_outcome, p_subject, p_terms, ledger.reason_of(p_justification),
            p_justification ->> 'statement', p_justification ->> 'signature', p_justification ->> 'key_id');
END;
GRANT EXECUTE ON FUNCTION
    ledger.weight_of(text), ledger.reason_of(ledger.justification),
    ledger.note_decision(text, text, text, text, text, ledger.justification) TO ledger_announcing, ledger_operating;

-- Up to p_most dead letters below p_before (NULL: from the newest), newest first, open ones alone if so asked.
CREATE FUNCTION ledger.dead_letters(p_actor text, p_open_only boolean, p_before bigint, p_most integer)
RETURNS SETOF ledger.dead_letters
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.audit (actor, act, subject)
    VALUES (p_actor, 'dead_letters_listed',
            format('open=%s before=%s most=%s', p_open_only::text, coalesce(p_before::text, 'none'), p_most));
    RETURN QUERY
        SELECT * FROM ledger.dead_letters d
         WHERE d.id < coalesce(p_before, 9223372036854775807) AND (d.resolution IS NULL OR NOT p_open_only)
         ORDER BY d.id DESC LIMIT p_most;
END $$;

-- One dead letter. No row: there is none.
CREATE FUNCTION ledger.dead_letter(p_actor text, p_id bigint) RETURNS SETOF ledger.dead_letters
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM ledger.dead_letters d WHERE d.id = p_id;
    INSERT INTO ledger.audit (actor, act, outcome, subject)
    VALUES (p_actor, 'dead_letter_inspected', CASE WHEN FOUND THEN 'done' ELSE 'unknown' END, p_id::text);
END $$;

-- Resolves an open dead letter: 'replayed' puts its event back into the outbox, under the same event id; 'discarded'
-- gives it up. Returns the letter as it then stands; of one that was resolved before, as it stood: the caller sees which
-- of the two it is. No row: there is none. Whatever comes of it, that it was asked is in the audit.
CREATE FUNCTION ledger.resolve_dead_letter(p_actor text, p_id bigint, p_resolution text, p_justification ledger.justification)
RETURNS SETOF ledger.dead_letters
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_letter ledger.dead_letters;
    v_outcome text := 'done';
BEGIN
    UPDATE ledger.dead_letters SET resolution = p_resolution, resolved_at = now()
     WHERE id = p_id AND resolution IS NULL
    RETURNING * INTO v_letter;
    IF NOT FOUND THEN
        SELECT * INTO v_letter FROM ledger.dead_letters d WHERE d.id = p_id;
        v_outcome := CASE
            WHEN NOT FOUND THEN 'unknown'
            WHEN v_letter.resolution = p_resolution THEN 'repeated'
            ELSE 'refused'
        END;
    ELSIF p_resolution = 'replayed' THEN
        INSERT INTO ledger.outbox (tenant_id, ledger_key, sequence, event_type)
        VALUES (v_letter.tenant_id, v_letter.ledger_key, v_letter.sequence, v_letter.event_type);
    END IF;
    PERFORM ledger.note_decision(p_actor, 'dead_letter_' || p_resolution, v_outcome, p_id::text, NULL, p_justification);
    IF v_outcome <> 'unknown' THEN
        RETURN NEXT v_letter;
    END IF;
END $$;

GRANT EXECUTE ON FUNCTION
    ledger.dead_letters(text, boolean, bigint, integer),
    ledger.dead_letter(text, bigint),
    ledger.resolve_dead_letter(text, bigint, text, ledger.justification) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_announcing;
ALTER FUNCTION ledger.dead_letters(text, boolean, bigint, integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.dead_letter(text, bigint) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.resolve_dead_letter(text, bigint, text, ledger.justification) OWNER TO ledger_announcing;
REVOKE CREATE ON SCHEMA ledger FROM ledger_announcing;
