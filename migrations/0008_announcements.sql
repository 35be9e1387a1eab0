-- Publishing: what `outbox-poll` asks of the outbox. No transaction is held while the bus is talked to: a poller takes
-- a lease on its rows in one statement and says in another what became of them.
--
-- The queue is fair. A row that was tried in vain, for whatever reason, goes to its end, by a new id: so a row with n rows
-- before it is tried within n / 450 leases of 500, whatever becomes of those. This takes no index but the primary key, and
-- costs nothing where all goes well.

-- Takes up to p_most rows that nobody holds, for p_seconds, with the intents they announce: the first in the queue, and for a
-- tenth the newest of those that were never tried, so that what is posted now does not wait for what fails. Two pollers never
-- take the same row while its lease lasts. `kind` and what follows is NULL where the intent is gone, which is tampering; `fee` and
-- the two times after it, where it opened no settlement; `corrects`, where it corrects no payment.
CREATE FUNCTION ledger.lease_outbox(p_lease uuid, p_most integer, p_seconds integer)
RETURNS TABLE (
    id bigint, tenant_id uuid, ledger_key uuid, sequence integer, event_type text, attempts smallint,
    kind text, outcome text, source uuid, destination uuid, amount bigint, currency text, created_at timestamptz,
    fee bigint, limbo_at timestamptz, ended_at timestamptz, status text, corrects uuid
)
-- The index in order and no other way, whatever the statistics of a queue that was empty a moment ago say.
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH leased AS (
            UPDATE ledger.outbox
               SET lease = p_lease, not_before = clock_timestamp() + make_interval(secs => p_seconds)
             WHERE id = ANY (ARRAY(
                    SELECT free.id FROM ledger.outbox free
                     WHERE free.not_before IS NULL OR free.not_before <= clock_timestamp()
                     ORDER BY free.id LIMIT p_most - p_most / 10
                       FOR UPDATE SKIP LOCKED) || ARRAY(
                    SELECT untried.id FROM ledger.outbox untried
                     WHERE untried.not_before IS NULL
                     ORDER BY untried.id DESC LIMIT p_most / 10
                       FOR UPDATE SKIP LOCKED))
            RETURNING *
        )
        SELECT l.id, l.tenant_id, l.ledger_key, l.sequence, l.event_type, l.attempts,
               t.kind, t.outcome, t.source, t.destination, t.amount, t.currency::text, t.created_at,
               s.fee, s.limbo_at, s.ended_at, s.status, c.original
          FROM leased l LEFT JOIN ledger.ledger_transactions t ON t.ledger_key = l.ledger_key AND t.tenant_id = l.tenant_id
               LEFT JOIN ledger.settlements s ON t.kind = 'settlement' AND s.settlement_id = l.ledger_key AND s.tenant_id = l.tenant_id
               LEFT JOIN ledger.corrections c ON t.kind IN ('refund', 'reversal') AND c.ledger_key = l.ledger_key AND c.tenant_id = l.tenant_id
         ORDER BY l.id;
END $$;

-- These rows were accepted by the bus. That is a fact, whoever holds their lease by now; returns how many were still here.
CREATE FUNCTION ledger.mark_published(p_ids bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_marked integer;
BEGIN
    WITH published AS (
        DELETE FROM ledger.outbox WHERE id = ANY (p_ids)
        RETURNING id, tenant_id, ledger_key, sequence, event_type
    )
    INSERT INTO ledger.published_events (id, tenant_id, ledger_key, sequence, event_type)
    SELECT id, tenant_id, ledger_key, sequence, event_type FROM published;
    GET DIAGNOSTICS v_marked = ROW_COUNT;
    RETURN v_marked;
END $$;

-- Gives leased rows back, at the end of the queue, for anyone to take after p_seconds. No failure is counted.
CREATE FUNCTION ledger.give_back(p_lease uuid, p_ids bigint[], p_seconds integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_given integer;
BEGIN
    UPDATE ledger.outbox SET id = DEFAULT, lease = NULL, not_before = clock_timestamp() + make_interval(secs => p_seconds)
     WHERE id = ANY (p_ids) AND lease = p_lease;
    GET DIAGNOSTICS v_given = ROW_COUNT;
    RETURN v_given;
END $$;

-- Counts a failure that was the row's own. At the p_most-th the row becomes a dead letter; before, it goes to the end of the
-- queue and waits 1, 2, 4 … s.
-- Returns the ids of the dead. A row that another poller has taken over meanwhile is left to it.
CREATE FUNCTION ledger.count_failures(p_lease uuid, p_ids bigint[], p_errors text[], p_most integer) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ledger.outbox o
       SET id = DEFAULT, lease = NULL, attempts = o.attempts + 1, last_error = failed.error,
           not_before = clock_timestamp() + make_interval(secs => 2 ^ least(o.attempts, 6))
      FROM unnest(p_ids, p_errors) AS failed (id, error)
     WHERE o.id = failed.id AND o.lease = p_lease AND o.attempts + 1 < p_most;
    RETURN QUERY
        WITH dead AS (
            DELETE FROM ledger.outbox o USING unnest(p_ids, p_errors) AS failed (id, error)
             WHERE o.id = failed.id AND o.lease = p_lease
            RETURNING o.id, o.tenant_id, o.ledger_key, o.sequence, o.attempts, o.event_type, failed.error
        )
        INSERT INTO ledger.dead_letters (id, tenant_id, ledger_key, sequence, attempts, event_type, last_error)
        SELECT d.id, d.tenant_id, d.ledger_key, d.sequence, d.attempts + 1, d.event_type, d.error FROM dead d
        RETURNING dead_letters.id;
END $$;

-- Dead letters whose copy has not reached the queue, oldest first: a poller may die between the row and the queue.
CREATE FUNCTION ledger.dead_letters_to_queue(p_most integer)
RETURNS TABLE (id bigint, tenant_id uuid, ledger_key uuid, sequence integer, event_type text, attempts smallint, last_error text, died_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.id, d.tenant_id, d.ledger_key, d.sequence, d.event_type, d.attempts, d.last_error, d.died_at
      FROM ledger.dead_letters d WHERE d.queued_at IS NULL ORDER BY d.id LIMIT p_most;
END;

CREATE FUNCTION ledger.mark_queued(p_ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE ledger.dead_letters SET queued_at = now() WHERE id = ANY (p_ids) AND queued_at IS NULL;
END;

-- Removes up to p_most rows that were published more than p_keep_hours ago, oldest first; returns how many.
CREATE FUNCTION ledger.remove_published(p_keep_hours integer, p_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    v_removed integer;
BEGIN
    DELETE FROM ledger.published_events
     WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ledger.published_events
             WHERE published_at < now() - make_interval(hours => p_keep_hours)
             ORDER BY published_at, id LIMIT p_most
               FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_removed = ROW_COUNT;
    RETURN v_removed;
END $$;

-- For the metrics: how long the oldest row has waited (whole seconds, rounded up; 0: none waits), and how many dead letters
-- are open. Reads the whole queue: the row that has waited longest may stand anywhere in it.
CREATE FUNCTION ledger.outbox_health(OUT oldest_seconds bigint, OUT open_dead_letters bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT coalesce(ceil(extract(epoch FROM clock_timestamp() - (SELECT min(o.written_at) FROM ledger.outbox o))), 0),
           (SELECT count(*) FROM ledger.dead_letters d WHERE d.resolution IS NULL)
      INTO oldest_seconds, open_dead_letters;
END $$;

GRANT EXECUTE ON FUNCTION
    ledger.lease_outbox(uuid, integer, integer),
    ledger.mark_published(bigint[]),
    ledger.give_back(uuid, bigint[], integer),
    ledger.count_failures(uuid, bigint[], text[], integer),
    ledger.dead_letters_to_queue(integer),
    ledger.mark_queued(bigint[]),
    ledger.remove_published(integer, integer),
    ledger.outbox_health() TO poller;
GRANT CREATE ON SCHEMA ledger TO ledger_announcing;
ALTER FUNCTION ledger.lease_outbox(uuid, integer, integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.mark_published(bigint[]) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.give_back(uuid, bigint[], integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.count_failures(uuid, bigint[], text[], integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.dead_letters_to_queue(integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.mark_queued(bigint[]) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.remove_published(integer, integer) OWNER TO ledger_announcing;
ALTER FUNCTION ledger.outbox_health() OWNER TO ledger_announcing;
REVOKE CREATE ON SCHEMA ledger FROM ledger_announcing;
