-- Dead letters in an operator's hands, and the audit that every privileged act leaves a row in, in its own commit.

CREATE TABLE ledger.audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,                          -- the verified token's subject, or the ARN that signed the request
    act     text NOT NULL,                          -- dead_letters_listed, dead_letter_inspected, _replayed, _discarded
    outcome text NOT NULL DEFAULT 'done',           -- repeated: done before; refused: decided otherwise; unknown: no such id
    subject text,                                   -- what was asked for: an id; of a list, its parameters
    reason  text,                                   -- in the actor's words
    CONSTRAINT audit_outcome_known CHECK (outcome IN ('done', 'repeated', 'refused', 'unknown')),
    CONSTRAINT audit_act_known CHECK (act IN
        ('dead_letters_listed', 'dead_letter_inspected', 'dead_letter_replayed', 'dead_letter_discarded')),
    -- Looking needs no reason, deciding does.
    CONSTRAINT audit_reason_given CHECK (act IN ('dead_letters_listed', 'dead_letter_inspected') OR reason IS NOT NULL)
);
ALTER TABLE ledger.audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY announcing_writes ON ledger.audit FOR INSERT TO ledger_announcing WITH CHECK (true);
CREATE POLICY auditor_reads ON ledger.audit FOR SELECT TO auditor USING (true);
GRANT INSERT ON ledger.audit TO ledger_announcing;
GRANT SELECT ON ledger.audit TO auditor;
SELECT ledger.guard('ledger.audit', false);

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
CREATE FUNCTION ledger.resolve_dead_letter(p_actor text, p_id bigint, p_resolution text, p_reason text)
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
    INSERT INTO ledger.audit (actor, act, outcome, subject, reason)
    VALUES (p_actor, 'dead_letter_' || p_resolution, v_outcome, p_id::text, p_reason);
    IF v_outcome <> 'unknown' THEN
        RETURN NEXT v_letter;
    END IF;
END $$;

GRANT EXECUTE ON FUNCTION
    ledger.dead_letters(text, boolean, bigint, integer),
    ledger.dead_letter(text, bigint),
    ledger.resolve_dead_letter(text, bigint, text, text) TO operator;
GRANT CREATE ON SCHEMA ledger TO ledger_announcing;
ALTER FUNCTION ledger.dead_letters(text, boolean, bigint, integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.dead_letter(text, bigint) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.resolve_dead_letter(text, bigint, text, text) OWNER TO ledger_announcing;
REVOKE CREATE ON SCHEMA ledger FROM ledger_announcing;
