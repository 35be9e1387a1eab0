-- Merchants and accounts. An account has one owner tenant, one currency and one purpose for its whole life.

CREATE TABLE ledger.merchants (
    tenant_id  uuid PRIMARY KEY,                    -- the tenant claim of the merchant's tokens
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ledger.accounts (
    account_id uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,                       -- the owner; a buyer's account belongs to its merchant
    purpose    text NOT NULL,                       -- decides which operations may post to it
    currency   char(3) NOT NULL,                    -- ISO 4217
    floor      bigint,                              -- minor units; a debit may not take the balance below it. NULL: none, never locked
    frozen_at  timestamptz,                         -- NULL: not frozen. Holds for postings that start after it commits
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_purpose_known CHECK (purpose IN ('buyer', 'merchant', 'escrow', 'external', 'platform')),
    CONSTRAINT accounts_currency_form CHECK (currency ~ '^[A-Z]{3}$'),
    -- Accounts of the house must be able to be as hot as they like: a floor would make every debit queue for a lock.
    CONSTRAINT accounts_house_has_no_floor CHECK (floor IS NULL OR purpose IN ('buyer', 'merchant'))
);

ALTER TABLE ledger.merchants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE ledger.accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY engine_in_tenant ON ledger.merchants TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY engine_in_tenant ON ledger.accounts TO ledger_engine USING (tenant_id = ledger.current_tenant());
CREATE POLICY folding_everywhere ON ledger.accounts TO ledger_folding USING (true);
CREATE POLICY auditor_reads ON ledger.merchants FOR SELECT TO auditor USING (true);
CREATE POLICY auditor_reads ON ledger.accounts FOR SELECT TO auditor USING (true);

GRANT SELECT, INSERT ON ledger.merchants, ledger.accounts TO ledger_engine;
GRANT SELECT ON ledger.accounts TO ledger_folding;
GRANT SELECT ON ledger.merchants, ledger.accounts TO auditor;
-- SELECT … FOR UPDATE asks for the right to update a column; this one is never written by these roles' functions.
GRANT UPDATE (created_at) ON ledger.accounts TO ledger_engine, ledger_folding;
