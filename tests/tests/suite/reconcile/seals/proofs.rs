//! What a merchant can show to somebody who has neither the ledger nor an account here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::digest::proof::Proof;
use domain::signature::PublicKey;
use serde_json::json;
use tests::alarms::breaches;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;
use uuid::Uuid;

use super::Books;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{FORWARD, Settlement};

/// The deployed key's public half, as it is published.
pub(super) async fn public_key(cloud: &Cloud) -> PublicKey {
    let script = r#"
import base64
told = base64.b64encode(client("kms").get_public_key(KeyId=given)["PublicKey"]).decode()
"#;
    let told = cloud.ask(script, &json!(cloud.resource("DigestKey"))).await;
    PublicKey::from_der(&STANDARD.decode(told.as_str().unwrap()).unwrap()).unwrap()
}

pub(super) async fn prover(books: &Books) -> Function {
    let setup = Function::of(&books.cloud, "prove-transaction");
    let setup = setup
        .set("DATABASE_NAME", &books.cloud.postgres.database)
        .set("DIGEST_BUCKET", &books.bucket);
    setup.start().await.unwrap()
}

pub(super) async fn asked(prover: &Function, tenant: Uuid, id: impl ToString) -> ApiResponse {
    let request = ApiRequest::to("GET /v1/payments/{payment_id}/proof").path("payment_id", id);
    let event = request.from_tenant(tenant, Scope::Merchant).event();
    ApiResponse::from_function(prover.invoke(&event).await.unwrap())
}

#[tokio::test]
async fn every_sealed_transaction_of_a_merchant_has_a_proof_that_the_public_key_alone_checks() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let (key, prover) = (public_key(&books.cloud).await, prover(&books).await);
        let mut paid = Vec::new();
        for amount in 1..=5 {
            paid.push(books.pay(amount).await);
        }
        let early = asked(&prover, books.merchant.tenant, paid[0]).await;
        assert_eq!((early.status, early.problem().as_str()), (409, "not-sealed-yet"));
        assert_eq!(early.header("retry-after"), Some("3600"));

        books.seal_all(6).await;
        for (amount, id) in (1..).zip(&paid) {
            let answer = asked(&prover, books.merchant.tenant, id).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let shown = Proof::read(&answer.body).unwrap().check(&key).unwrap();
            assert_eq!(shown.leaf.transaction_id.uuid(), *id);
            assert!(shown.leaf.entries.iter().all(|entry| entry.amount == amount));
            assert_eq!(shown.leaf.entries.len(), 2);
        }
        let theirs = asked(&prover, Uuid::new_v4(), paid[0]).await;
        assert_eq!((theirs.status, theirs.problem().as_str()), (404, "not-found"));
        let nothing = asked(&prover, books.merchant.tenant, Uuid::new_v4()).await;
        assert_eq!(nothing.status, 404);
    })
    .await;
}

/// Of a fee, one side is the platform's, which no merchant's own rows show.
#[tokio::test]
async fn a_settlements_fee_is_proved_with_both_its_sides() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let (key, prover) = (public_key(&books.cloud).await, prover(&books).await);
        let settler = books.cloud.pooled_as("settler").await;
        let (merchant, settlement) = Settlement::accepted(&books.cloud).await;
        for call in FORWARD {
            settlement.call(&settler, call).await;
        }
        let superuser = books.cloud.superuser().await;
        let count = "SELECT count(DISTINCT transaction_id) FROM ledger.ledger_entries";
        let posted: i64 = superuser.query_one(count, &[]).await.unwrap().get(0);
        books.seal_all(posted.unsigned_abs()).await;
        let fee = "SELECT ledger_key FROM ledger.ledger_transactions WHERE kind = 'collect_fee'";
        let fee: Uuid = superuser.query_one(fee, &[]).await.unwrap().get(0);
        let answer = asked(&prover, merchant.tenant, fee).await;
        let shown = Proof::read(&answer.body).unwrap().check(&key).unwrap();
        assert_eq!(shown.leaf.intent.unwrap().kind, "collect_fee");
        assert_eq!(shown.leaf.entries.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn of_a_transaction_that_was_tampered_with_no_proof_is_made() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let prover = prover(&books).await;
        let paid = books.pay(10).await;
        books.seal_all(2).await;
        let sql = format!("UPDATE ledger.ledger_entries SET amount = 11 WHERE transaction_id = '{paid}'");
        super::tampering::tampered(&books.cloud.superuser().await, &sql).await;
        let answer = asked(&prover, books.merchant.tenant, paid).await;
        assert_eq!((answer.status, answer.problem().as_str()), (500, "internal"));
        assert_eq!(breaches(&books.cloud, "ProofsDoNotHold", &prover).await, [1]);
    })
    .await;
}
