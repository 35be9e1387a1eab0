//! What has to be there before anything is measured: one merchant, its accounts with money, the naive table.

use std::rc::Rc;

use domain::ids::{ClientKey, LedgerKey, TenantId};
use domain::ledger_key::Step;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::Outcome;
use crate::cloud::Cloud;

/// How many accounts "uniform" spreads over.
pub const ACCOUNTS: usize = 1000;
/// Minor units each floored account starts with: more than the whole run debits.
const OPENING_BALANCE: i64 = 1_000_000_000_000;

/// Everything of one merchant, made for this run.
pub struct Scene {
    pub tenant: Uuid,
    /// The merchant's way in: no floor, never locked.
    pub external: Uuid,
    /// Buyers' accounts with floor 0, debited and credited by the postings.
    pub uniform: Rc<[Uuid]>,
    /// As many again for the bare inserts, whose deltas nobody folds: on the same accounts they would lengthen the tails
    /// the postings must sum.
    pub bare: Rc<[Uuid]>,
    /// Merchant's account that every posting of a round credits.
    pub hot_credited: Uuid,
    /// Buyer's account with floor 0 that every posting of a round debits.
    pub hot_debited: Uuid,
}

impl Scene {
    /// Makes the merchant and its accounts, and pays the floored ones in through `ledger.post`.
    pub async fn set(cloud: &Cloud) -> Outcome<Self> {
        let scene = Self {
            tenant: Uuid::new_v4(),
            external: Uuid::new_v4(),
            uniform: ids(),
            bare: ids(),
            hot_credited: Uuid::new_v4(),
            hot_debited: Uuid::new_v4(),
        };
        let client = cloud.superuser().await?;
        scene.open_accounts(&client).await?;
        scene.pay_in(&client).await?;
        client
            .batch_execute(
                "-- scene.naive
                 DROP TABLE IF EXISTS public.naive_accounts;
                 CREATE TABLE public.naive_accounts (account_id uuid PRIMARY KEY, balance bigint NOT NULL);
                 INSERT INTO public.naive_accounts SELECT account_id, 0 FROM ledger.accounts",
            )
            .await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        Ok(scene)
    }

    /// A ledger key as a client with a fresh version 7 key gets it.
    pub fn ledger_key(&self) -> Uuid {
        fresh_key(self.tenant)
    }

    async fn open_accounts(&self, client: &Client) -> Outcome<()> {
        let open = "-- scene.accounts
            INSERT INTO ledger.accounts (account_id, tenant_id, purpose, currency, floor)
            SELECT id, $1, $3, 'EUR', $4 FROM unnest($2::uuid[]) AS id";
        let floored: Vec<_> = self.floored().collect();
        client
            .execute("INSERT INTO ledger.merchants (tenant_id) VALUES ($1)", &[&self.tenant])
            .await?;
        client
            .execute(open, &[&self.tenant, &floored, &"buyer", &Some(0i64)])
            .await?;
        client
            .execute(
                open,
                &[&self.tenant, &vec![self.hot_credited], &"merchant", &None::<i64>],
            )
            .await?;
        client
            .execute(open, &[&self.tenant, &vec![self.external], &"external", &None::<i64>])
            .await?;
        Ok(())
    }

    async fn pay_in(&self, client: &Client) -> Outcome<()> {
        let accounts: Vec<_> = self.floored().collect();
        let keys: Vec<_> = accounts.iter().map(|_| self.ledger_key()).collect();
        let posted = client
            .query_one(
                "-- scene.pay_in
                 SELECT count(*) FILTER (WHERE posted.outcome = 'posted')
                   FROM unnest($2::uuid[], $3::uuid[]) AS each (key, account),
                        ledger.post($1, each.key, 'deposit', sha256('bench'), $4, each.account, $5, 'EUR', '{}', 1::smallint) AS posted",
                &[&self.tenant, &keys, &accounts, &self.external, &OPENING_BALANCE],
            )
            .await?
            .get::<_, i64>(0);
        if usize::try_from(posted)? == accounts.len() {
            Ok(())
        } else {
            Err("an opening deposit was refused".into())
        }
    }

    fn floored(&self) -> impl Iterator<Item = Uuid> {
        self.uniform
            .iter()
            .chain(self.bare.iter())
            .copied()
            .chain([self.hot_debited])
    }
}

/// The ledger key of a request of `tenant` whose client key is a new version 7 UUID.
pub fn fresh_key(tenant: Uuid) -> Uuid {
    LedgerKey::derive(TenantId::from(tenant), ClientKey::from(Uuid::now_v7()), Step::Request).uuid()
}

fn ids() -> Rc<[Uuid]> {
    (0..ACCOUNTS).map(|_| Uuid::new_v4()).collect()
}
