//! A ledger with money in it, and what a night says of it.

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tests::lambda::{Function, Setup};
use tests::patience::until;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::merchant::Merchant;
use crate::ledger::statements::fold;
use crate::reconcile::scene::{NO_MACHINE, reconciler};

/// Those that look elsewhere, and find nothing there in these tests.
const ELSEWHERE: [&str; 2] = ["gate", "settlements"];

/// A merchant, two payments of a buyer's, and a checkpoint of the buyer's account.
pub struct Books {
    pub merchant: Merchant,
    pub buyer: Uuid,
    pub till: Uuid,
    /// The second payment, from the buyer to the till: 30.
    pub payment: Uuid,
    pub superuser: Client,
}

impl Books {
    pub async fn opened(cloud: &Cloud) -> Self {
        let merchant = Merchant::onboard(cloud).await;
        let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
        let (poster, folder) = (cloud.pooled_as("poster").await, cloud.pooled_as("folder").await);
        merchant.payment(buyer, till, 20).decide(&poster).await;
        fold(&folder, buyer).await.unwrap();
        let payment = merchant.payment(buyer, till, 30);
        payment.decide(&poster).await;
        Self {
            payment: payment.key,
            superuser: cloud.superuser().await,
            merchant,
            buyer,
            till,
        }
    }

    /// Runs this as the superuser with every guard down. `$payment`, `$buyer`, `$till` and `$tenant` stand for their ids.
    pub async fn tamper(&self, sql: &str) {
        let names = [
            ("$payment", self.payment),
            ("$buyer", self.buyer),
            ("$till", self.till),
            ("$tenant", self.merchant.tenant),
        ];
        let sql = names
            .iter()
            .fold(sql.to_owned(), |sql, (name, id)| sql.replace(name, &format!("'{id}'")));
        let guards = [
            ("ledger_entries", "append_only"),
            ("ledger_entries", "zero_sum"),
            ("ledger_transactions", "append_only"),
            ("balance_checkpoints", "append_only"),
            ("corrections", "append_only"),
            ("corrections", "within_payment"),
        ];
        let turned = |how: &str| {
            let turn = |(table, guard)| format!("ALTER TABLE ledger.{table} {how} TRIGGER {guard};");
            guards.map(turn).concat()
        };
        let all = format!("BEGIN;{}{sql};{}COMMIT", turned("DISABLE"), turned("ENABLE ALWAYS"));
        self.superuser.batch_execute(&all).await.unwrap();
    }
}

/// Waits until a run looks at all that is in the ledger: transactions of other databases of the server hold it back too.
pub async fn settled(cloud: &Cloud) {
    let sql =
        "SELECT coalesce(max(posted_in), '0') < pg_snapshot_xmin(pg_current_snapshot()) FROM ledger.ledger_entries";
    let superuser = cloud.superuser().await;
    let so = || async {
        let row = superuser.query_one(sql, &[]).await.unwrap();
        row.get::<_, bool>(0).then_some(())
    };
    until(so, || "a transaction has been open all the time".to_owned()).await;
}

/// The function in this ledger, with a gate and a machine that nobody has.
pub fn setup(cloud: &Cloud) -> Setup {
    reconciler(cloud, "none", NO_MACHINE)
}

/// What one run says of the books.
#[derive(Debug)]
pub struct Night(pub Value);

impl Night {
    pub async fn of(reconciler: &Function) -> Self {
        Self(reconciler.invoke(&json!({})).await.unwrap())
    }

    pub async fn over_all(reconciler: &Function) -> Self {
        Self(reconciler.invoke(&json!({ "full": {} })).await.unwrap())
    }

    /// One run by a process of its own.
    pub async fn alone(cloud: &Cloud) -> Self {
        settled(cloud).await;
        Self::of(&setup(cloud).start().await.unwrap()).await
    }

    pub fn section(&self, name: &str) -> &Value {
        let mut sections = self.0["sections"].as_array().unwrap().iter();
        let found = sections.find(|section| section["name"] == name);
        found.unwrap_or_else(|| panic!("no section {name}: {}", self.0))
    }

    /// Every finding as `kind subject`, without those of the checks that look elsewhere.
    pub fn findings(&self) -> Vec<String> {
        let sections = self.0["sections"].as_array().unwrap().iter();
        let of_books = sections.filter(|section| !ELSEWHERE.iter().any(|name| section["name"] == *name));
        let findings = of_books.flat_map(|section| section["findings"].as_array().unwrap());
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        findings
            .map(|finding| format!("{} {}", text(finding, "what"), text(finding, "subject")))
            .collect()
    }

    /// The checks of the books that could not be carried out.
    pub fn failed(&self) -> Vec<&str> {
        let sections = self.0["sections"].as_array().unwrap().iter();
        let failed = sections.filter(|section| !section["failed"].is_null());
        let names = failed.map(|section| section["name"].as_str().unwrap());
        names.filter(|name| !ELSEWHERE.contains(name)).collect()
    }

    pub fn read(&self, check: &str) -> u64 {
        self.section(check)["read"].as_u64().unwrap()
    }

    pub fn count(&self, check: &str, name: &str) -> u64 {
        self.section(check)["counts"][name].as_u64().unwrap_or_default()
    }
}
