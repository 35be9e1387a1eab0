//! A merchant of its own for every test, opened as the functions open it.

use domain::ids::TenantId;
use tests::cloud::Cloud;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::statements::{Posting, fingerprint, untimed_key};

/// The currencies every test's merchant is onboarded in.
const CURRENCIES: [&str; 2] = ["EUR", "USD"];

/// A fresh merchant and its accounts of the house, the first of each in EUR, the second in USD.
#[derive(Debug, Clone)]
pub struct Merchant {
    pub tenant: Uuid,
    pub escrows: [Uuid; 2],
    pub externals: [Uuid; 2],
    pub platforms: [Uuid; 2],
    cloud: Cloud,
}

impl Merchant {
    /// Onboards a new merchant; its platform accounts are new ones too, so that tests do not meet there.
    pub async fn onboard(cloud: &Cloud) -> Self {
        let merchant = Self {
            tenant: Uuid::new_v4(),
            escrows: pair(),
            externals: pair(),
            platforms: pair(),
            cloud: cloud.clone(),
        };
        let registrar = cloud.as_role("registrar").await;
        let sql = "SELECT created FROM ledger.onboard_merchant($1, $2, $3, $4, $5, $6)";
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&merchant.tenant, Type::UUID),
            (&CURRENCIES.as_slice(), Type::TEXT_ARRAY),
            (&merchant.escrows.as_slice(), Type::UUID_ARRAY),
            (&merchant.externals.as_slice(), Type::UUID_ARRAY),
            (&TenantId::PLATFORM.uuid(), Type::UUID),
            (&merchant.platforms.as_slice(), Type::UUID_ARRAY),
        ];
        let opened = registrar.query_typed(sql, &parameters).await.unwrap();
        assert_eq!(opened.len(), 4, "an escrow and an external account each");
        merchant
    }

    /// Opens an account; no floor: it is never locked.
    pub async fn open(&self, purpose: &str, currency: &str, floor: Option<i64>) -> Uuid {
        let account = Uuid::new_v4();
        let registrar = self.cloud.as_role("registrar").await;
        let external = self.externals[usize::from(currency == CURRENCIES[1])];
        let sql = "SELECT verdict FROM ledger.open_account($1, $2, $3, $4, $5, $6)";
        let parameters: [(&(dyn ToSql + Sync), Type); 6] = [
            (&self.tenant, Type::UUID),
            (&account, Type::UUID),
            (&purpose, Type::TEXT),
            (&currency, Type::TEXT),
            (&floor, Type::INT8),
            (&external, Type::UUID),
        ];
        let rows = registrar.query_typed(sql, &parameters).await.unwrap();
        assert_eq!(rows[0].get::<_, String>(0), "opened");
        account
    }

    /// A buyer's account in EUR with floor 0 and this balance.
    pub async fn buyer(&self, balance: i64) -> Uuid {
        let buyer = self.open("buyer", "EUR", Some(0)).await;
        if balance > 0 {
            let poster = self.cloud.pooled_as("poster").await;
            let decision = self.deposit(buyer, balance).decide(&poster).await;
            assert_eq!(decision.told(), ("recorded", "posted"));
        }
        buyer
    }

    /// A merchant's account in EUR without a floor.
    pub async fn till(&self) -> Uuid {
        self.open("merchant", "EUR", None).await
    }

    /// Freezes an account without saying why.
    pub async fn freeze(&self, superuser: &Client, account: Uuid) {
        let sql = "UPDATE ledger.accounts SET frozen_at = now() WHERE account_id = $1";
        assert_eq!(superuser.execute(sql, &[&account]).await.unwrap(), 1);
    }

    /// A payment in EUR under a new key without a time.
    pub fn payment(&self, source: Uuid, destination: Uuid, amount: i64) -> Posting {
        Posting {
            tenant: self.tenant,
            key: untimed_key(),
            kind: "payment",
            fingerprint: fingerprint(),
            source,
            destination,
            amount,
            currency: "EUR".to_owned(),
        }
    }

    /// A deposit in EUR under a new key without a time.
    pub fn deposit(&self, destination: Uuid, amount: i64) -> Posting {
        Posting {
            kind: "deposit",
            ..self.payment(self.externals[0], destination, amount)
        }
    }
}

fn pair() -> [Uuid; 2] {
    [Uuid::new_v4(), Uuid::new_v4()]
}
