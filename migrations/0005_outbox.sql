-- What must be announced, written in the commit that made it true. A row names its intent and repeats none of it: the
-- event is rendered from the intent, so the two can never disagree.

CREATE TABLE ledger.outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL DEFAULT gen_random_uuid(), -- stable through redeliveries: what consumers deduplicate by
    tenant_id    uuid NOT NULL,
    ledger_key   uuid NOT NULL,                     -- the intent it announces
    sequence     integer NOT NULL,                  -- 1, 2, 3 … per payment
    event_type   text NOT NULL,                     -- payment.posted.v1, …
    occurred_at  timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz                        -- NULL: not yet published
);

ALTER TABLE ledger.outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.outbox FOR INSERT TO ledger_engine WITH CHECK (tenant_id = ledger.current_tenant());
CREATE POLICY auditor_reads ON ledger.outbox FOR SELECT TO auditor USING (true);
GRANT INSERT ON ledger.outbox TO ledger_engine;
GRANT SELECT ON ledger.outbox TO auditor;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.outbox FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.outbox ENABLE ALWAYS TRIGGER never_truncated;
