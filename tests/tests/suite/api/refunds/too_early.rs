//! What is asked for before it can be decided.

use serde_json::json;
use tests::api::{ApiRequest, ApiResponse};
use tests::cloud::Cloud;
use tests::lambda::Function;
use tests::token::Scope;

use super::{REFUNDS, correcting};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{FORWARD, Settlement};
use crate::ledger::statements::count;

/// On a ledger of its own, with the real function: elsewhere the settlement would go on by itself.
#[tokio::test]
async fn a_settlement_is_refunded_under_the_key_that_was_answered_too_early() {
    in_scratch_database(async |scratch: Cloud| {
        let setup = Function::of(&scratch, "correct-payment").set("DATABASE_NAME", &scratch.postgres.database);
        let (function, superuser) = (setup.start().await.unwrap(), scratch.superuser().await);
        let (merchant, settlement) = Settlement::accepted(&scratch).await;
        let refund: ApiRequest = correcting(REFUNDS, settlement.id(), &json!({"amount": 150}));
        let refund = refund.from_tenant(merchant.tenant, Scope::Merchant);
        let settler = scratch.pooled_as("settler").await;
        for step in FORWARD {
            // At once, and again: the claim was given back, so there is no lease to wait for.
            for _ in 0..2 {
                let early: ApiResponse = function.call(&refund).await.unwrap();
                assert_eq!(
                    (early.status, early.problem().as_str()),
                    (409, "payment-not-posted"),
                    "{early:?}"
                );
                assert_eq!(early.header("retry-after"), None);
                assert_eq!(early.header("idempotent-replayed"), None);
            }
            settlement.course(&settler, &[step]).await;
        }
        let refunds = "SELECT count(*) FROM ledger.ledger_transactions WHERE tenant_id = $1 AND kind = 'refund'";
        assert_eq!(count(&superuser, refunds, merchant.tenant).await, 0);
        let refunded = function.call(&refund).await.unwrap();
        assert_eq!(
            (refunded.status, &refunded.json()["amount"]),
            (201, &json!(150)),
            "{refunded:?}"
        );
        let again = function.call(&refund).await.unwrap();
        assert_eq!((again.status, &again.body), (201, &refunded.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(settlement.balances(&scratch).await, [750, 0, 240, 10]);
    })
    .await;
}
