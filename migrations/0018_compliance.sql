-- Erasures and legal holds in the audit. They are carried out in the vault, which shares no transaction with the ledger: so that one was
-- asked for is written here before it is done, what became of it after, and whoever dies in between leaves the first row at least.

CREATE ROLE eraser LOGIN;             -- erase-pii: writes rows of the audit, and can do nothing else here
GRANT USAGE ON SCHEMA ledger TO eraser;
ALTER ROLE eraser SET statement_timeout = '4s';
ALTER ROLE eraser SET lock_timeout = '1500ms';

-- An erasure is carried out by whoever comes, as often as it takes. Of each of these there is one row all the same.
CREATE UNIQUE INDEX audit_erasure_once ON ledger.audit (act, subject)
    WHERE outcome = 'done' AND act IN ('erasure_asked', 'erasure_blocked', 'erasure_certified');

-- Writes a row of the audit about erasures and holds, and about nothing else: with a justification for what somebody decides, with a
-- reason for what follows from that. What happens to an erasure once is written once.
CREATE FUNCTION ledger.record_compliance(
    p_actor text, p_act text, p_outcome text, p_subject text, p_reason text, p_justification ledger.justification
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT starts_with(p_act, 'erasure_') AND NOT starts_with(p_act, 'hold') THEN
        PERFORM ledger.refuse('no_compliance_act', 'this act is none of those that are recorded here');
    END IF;
    INSERT INTO ledger.audit (actor, act, outcome, subject, reason, statement, signature, key_id)
    VALUES (p_actor, p_act, p_outcome, p_subject, coalesce(ledger.reason_of(p_justification), p_reason),
            p_justification ->> 'statement', p_justification ->> 'signature', p_justification ->> 'key_id')
        ON CONFLICT DO NOTHING;
END $$;

-- Granted before the function changes hands: the owner may not grant what is no longer its own.
GRANT EXECUTE ON FUNCTION ledger.record_compliance(text, text, text, text, text, ledger.justification) TO eraser;
GRANT CREATE ON SCHEMA ledger TO ledger_operating;
ALTER FUNCTION ledger.record_compliance(text, text, text, text, text, ledger.justification) OWNER TO ledger_operating;
REVOKE CREATE ON SCHEMA ledger FROM ledger_operating;
