-- What must be announced, written in the commit that made it true. A row names its intent and repeats none of it: the
-- event is rendered from the intent, so the two can never disagree. Its id is derived from the key and the sequence
-- (domain::event), so that it is the same whenever and however often it is published.

-- Only what is still to be announced: a published row leaves for `published_events`, one that cannot be published for
-- `dead_letters`. So the queue and its only index stay as small as the backlog, whatever the ledger has seen.
CREATE TABLE ledger.outbox (
    -- Its place in the queue: order of numbering, not of commit. A row that was tried gets a new one, at the end.
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    written_at   timestamptz NOT NULL DEFAULT now(),
    tenant_id    uuid NOT NULL,
    ledger_key   uuid NOT NULL,                     -- the intent it announces
    sequence     integer NOT NULL,                  -- 1, 2, 3 … per payment
    attempts     smallint NOT NULL DEFAULT 0,       -- failures that were this row's own
    event_type   text NOT NULL,                     -- payment.posted.v1, …
    lease        uuid,                              -- which poller is publishing it
    not_before   timestamptz,                       -- nobody else takes it up before then
    last_error   text,
    CONSTRAINT outbox_sequence_positive CHECK (sequence >= 1)
    -- A lease changes no indexed column: half a page of room keeps its new version beside the old one.
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- What was announced, kept for a while.
CREATE TABLE ledger.published_events (
    published_at timestamptz NOT NULL DEFAULT now(),
    id           bigint NOT NULL,                   -- the outbox row's
    tenant_id    uuid NOT NULL,
    ledger_key   uuid NOT NULL,
    sequence     integer NOT NULL,
    event_type   text NOT NULL,
    CONSTRAINT published_events_by_age PRIMARY KEY (published_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- What the bus refuses for a reason of its own, out of the stream's way until an operator has decided.
CREATE TABLE ledger.dead_letters (
    id          bigint PRIMARY KEY,                 -- the outbox row's
    tenant_id   uuid NOT NULL,
    ledger_key  uuid NOT NULL,
    sequence    integer NOT NULL,
    attempts    smallint NOT NULL,
    event_type  text NOT NULL,
    last_error  text NOT NULL,
    died_at     timestamptz NOT NULL DEFAULT now(),
    queued_at   timestamptz,                        -- when its copy reached the queue; NULL: not yet
    resolution  text,                               -- replayed, discarded; NULL: open
    resolved_at timestamptz,
    CONSTRAINT dead_letters_sequence_positive CHECK (sequence >= 1),
    CONSTRAINT dead_letters_resolution_known CHECK (resolution IN ('replayed', 'discarded')),
    CONSTRAINT dead_letters_resolved_whole CHECK ((resolution IS NULL) = (resolved_at IS NULL))
);
CREATE INDEX dead_letters_open ON ledger.dead_letters (id) WHERE resolution IS NULL;
CREATE INDEX dead_letters_to_queue ON ledger.dead_letters (id) WHERE queued_at IS NULL;

ALTER TABLE ledger.outbox ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.published_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.dead_letters ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY engine_in_tenant ON ledger.outbox FOR INSERT TO ledger_engine WITH CHECK (tenant_id = ledger.current_tenant());
CREATE POLICY announcing_everywhere ON ledger.outbox TO ledger_announcing USING (true);
CREATE POLICY announcing_everywhere ON ledger.published_events TO ledger_announcing USING (true);
CREATE POLICY announcing_everywhere ON ledger.dead_letters TO ledger_announcing USING (true);
CREATE POLICY announcing_reads ON ledger.ledger_transactions FOR SELECT TO ledger_announcing USING (true);
CREATE POLICY auditor_reads ON ledger.outbox FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.published_events FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.dead_letters FOR SELECT TO auditor USING (true);
GRANT INSERT ON ledger.outbox TO ledger_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.outbox TO ledger_announcing;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.published_events TO ledger_announcing;
GRANT SELECT, INSERT, UPDATE ON ledger.dead_letters TO ledger_announcing;
-- What events are rendered from. Not the details: they may hold personal data.
GRANT SELECT (ledger_key, tenant_id, kind, outcome, source, destination, amount, currency, created_at)
    ON ledger.ledger_transactions TO ledger_announcing;
GRANT SELECT ON ledger.outbox, ledger.published_events, ledger.dead_letters TO auditor;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.outbox FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.outbox ENABLE ALWAYS TRIGGER never_truncated;
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ledger.published_events FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.published_events ENABLE ALWAYS TRIGGER never_truncated;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.dead_letters FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.dead_letters ENABLE ALWAYS TRIGGER never_removed;
