-- Who may do what. Every right is held by a role that cannot log in and reached through functions it owns, so a
-- function's login role can do nothing but call them: no table of money is ever granted to something that logs in.
--
-- Run as `ledger_owner`: LOGIN, CREATEROLE, owner of the database, not a superuser.

CREATE SCHEMA ledger;

CREATE ROLE ledger_engine NOLOGIN;    -- owns the functions a tenant's request runs; always inside one tenant
CREATE ROLE ledger_folding NOLOGIN;   -- owns the folding of balances; crosses tenants, cannot write an entry
CREATE ROLE ledger_announcing NOLOGIN; -- owns the publishing of events; crosses tenants, reads intents, cannot see an entry
CREATE ROLE ledger_operating NOLOGIN; -- owns what operators do; crosses tenants, freezes and decides, cannot write an entry

CREATE ROLE poster LOGIN;             -- authorize, deposit, request-settlement
CREATE ROLE settler LOGIN;            -- settle-step, compensate, await-decision
CREATE ROLE resumer LOGIN;            -- resume-settlements
CREATE ROLE registrar LOGIN;          -- onboard-merchant, open-account
CREATE ROLE reader LOGIN;             -- read-account, read-payment, read-settlement
CREATE ROLE folder LOGIN;             -- fold-balances
CREATE ROLE poller LOGIN;             -- outbox-poll
CREATE ROLE operator LOGIN;           -- dead-letters, resolve-limbo, freeze-account
CREATE ROLE auditor LOGIN;            -- reconcile: reads all, writes nothing of money

-- The owner migrates: it must be able to hand functions over to the roles that run them. Without INHERIT, or their
-- policies would be the owner's too and forced row-level security would not bind it.
GRANT ledger_engine, ledger_folding, ledger_announcing, ledger_operating TO ledger_owner WITH INHERIT FALSE, SET TRUE;
GRANT USAGE ON SCHEMA ledger
    TO ledger_engine, ledger_folding, ledger_announcing, ledger_operating,
       poster, settler, resumer, registrar, reader, folder, poller, operator, auditor;

-- Nothing is callable by everyone, now or later.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Set per role, because a SET sent by a function would pin its session to one connection of the pooler.
-- 4 s is a part of the lease: lease > function timeout + statement timeout (domain::gate::Lease). It ends where execution
-- does: a client that dies between Execute and Sync leaves a transaction to the pooler's own limit (query_timeout).
-- Waiting for a lock is shorter than the pooler's wait for a connection, so that debits queueing for one account do not
-- time out everybody else.
ALTER ROLE poster SET statement_timeout = '4s';
ALTER ROLE poster SET lock_timeout = '1500ms';
ALTER ROLE settler SET statement_timeout = '4s';
ALTER ROLE settler SET lock_timeout = '1500ms';
ALTER ROLE resumer SET statement_timeout = '4s';
ALTER ROLE registrar SET statement_timeout = '4s';
ALTER ROLE reader SET statement_timeout = '4s';
ALTER ROLE folder SET statement_timeout = '4s';
ALTER ROLE poller SET statement_timeout = '4s';
ALTER ROLE operator SET statement_timeout = '4s';
ALTER ROLE operator SET lock_timeout = '1500ms';
-- Its sessions are people's. A snapshot that is left open keeps the dead rows of every queue, and slows them all.
ALTER ROLE auditor SET statement_timeout = '60s';
ALTER ROLE auditor SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE poster SET default_transaction_isolation = 'read committed';
ALTER ROLE settler SET default_transaction_isolation = 'read committed';
ALTER ROLE reader SET default_transaction_read_only = on;
-- A bitmap scan never marks the index entries of folded deltas as dead, so that every later sum would visit them again.
ALTER ROLE poster SET enable_bitmapscan = off;
ALTER ROLE reader SET enable_bitmapscan = off;
ALTER ROLE settler SET enable_bitmapscan = off;
ALTER ROLE auditor SET default_transaction_read_only = on;

-- The tenant of this transaction; NULL when none was set. A setting that was local to an earlier transaction of the
-- same connection reads '' and not NULL, hence the NULLIF.
CREATE FUNCTION ledger.current_tenant() RETURNS uuid
LANGUAGE sql STABLE
RETURN nullif(current_setting('app.tenant_id', true), '')::uuid;

-- The tenant that is the house itself and owns the accounts that fees go to: domain::ids::TenantId::PLATFORM.
CREATE FUNCTION ledger.platform() RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN '00000000-0000-8000-8000-000000000000'::uuid;

-- Fails the statement by a name the functions know. `p_name` travels as the constraint name, because errors are
-- told apart by name and never by their text.
CREATE FUNCTION ledger.refuse(p_name text, p_message text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'OL001', CONSTRAINT = p_name, MESSAGE = p_message;
END $$;

GRANT EXECUTE ON FUNCTION ledger.current_tenant(), ledger.refuse(text, text)
    TO ledger_engine, ledger_folding, ledger_announcing, ledger_operating, ledger_owner, auditor;
GRANT EXECUTE ON FUNCTION ledger.platform() TO ledger_engine;
