//! A full run, part after part.

use serde_json::{Value, json};
use tests::alarms::tells;

use super::scene::{Books, Night, settled, setup};
use crate::ledger::scratch::in_scratch_database;
use crate::reconcile::scene::{NO_MACHINE, reconciler};

const TAMPERED: &str =
    "UPDATE ledger.ledger_entries SET amount = 31 WHERE idempotency_key = $payment AND entry_type = 'CREDIT'";

/// Every part of a full run in three, as the answer before says; what each found, without the seals.
async fn in_three_parts(reconciler: &tests::lambda::Function, whole: &Night, since: &str) -> Vec<Night> {
    let slice = &whole.0["slice"];
    let part = json!({
        "number": 0, "of": 3, "from": slice["from"], "to": slice["to"], "since": since, "until": "2100-01-01T00:00:00Z",
    });
    let (mut event, mut nights) = (json!({"full": {"part": part}}), Vec::new());
    while event.get("full").is_some() {
        let night = Night(reconciler.invoke(&event).await.unwrap());
        event = night.0["next"].clone();
        nights.push(night);
    }
    assert_eq!(event["seals"], json!({"done": 0}));
    nights
}

#[tokio::test]
async fn all_parts_together_find_what_one_that_is_everything_finds() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        settled(&cloud).await;
        books.tamper(TAMPERED).await;
        // So old that one which is not proved would be late.
        books
            .tamper("UPDATE ledger.ledger_entries SET created_at = created_at - interval '2 hours'")
            .await;
        let whole = Night::over_all(&reconciler).await;
        let mut expected = whole.findings();
        assert!(expected.contains(&format!("transaction_not_zero {}", books.payment)));
        expected.sort_unstable();
        expected.dedup();

        let parts = in_three_parts(&reconciler, &whole, "2020-01-01T00:00:00Z").await;
        assert_eq!(parts.len(), 3);
        let mut found: Vec<_> = parts.iter().flat_map(Night::findings).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, expected);
        let read = |check: &str| parts.iter().map(|part| part.read(check)).sum::<u64>();
        assert_eq!(read("zero_sum"), whole.read("zero_sum"));
        let summed = |night: &Night| night.count("balances", "summed");
        assert_eq!(parts.iter().map(summed).sum::<u64>(), summed(&whole));
    })
    .await;
}

/// Whoever writes past the guards writes numbers and times as well.
#[tokio::test]
async fn what_pretends_to_be_older_or_younger_than_all_there_is_is_looked_at() {
    for moved in [
        "UPDATE ledger.ledger_entries SET posted_in = '3', amount = amount + 1 WHERE idempotency_key = $payment",
        "DELETE FROM ledger.ledger_entries WHERE idempotency_key = $payment;
         UPDATE ledger.ledger_transactions SET created_at = '1999-12-31' WHERE ledger_key = $payment",
        "DELETE FROM ledger.ledger_entries WHERE idempotency_key = $payment;
         UPDATE ledger.ledger_transactions SET created_at = '2099-12-31' WHERE ledger_key = $payment",
    ] {
        in_scratch_database(async move |cloud| {
            let books = Books::opened(&cloud).await;
            let reconciler = setup(&cloud).start().await.unwrap();
            settled(&cloud).await;
            Night::of(&reconciler).await;
            books.tamper(moved).await;
            let found = Night::over_all(&reconciler).await.findings();
            let named = |what: &str| found.contains(&format!("{what} {}", books.payment));
            assert!(
                named("entries_differ_from_intent") || named("intent_without_entries"),
                "{moved}: {found:?}"
            );
        })
        .await;
    }
}

/// A night that finds nothing new is not to say that the past is as it was proved, nor is a part.
#[tokio::test]
async fn only_the_end_of_a_full_run_says_that_the_past_is_as_it_was_proved() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        // Without any, a check would fail, which is a finding.
        let gate = cloud.another_gate().await;
        let reconciler = reconciler(&cloud, &gate, NO_MACHINE).start().await.unwrap();
        settled(&cloud).await;
        let mut event = json!({"full": {}, "brief": true});
        for (tampered, told) in [(false, &[0][..]), (true, &[0, 4, 4])] {
            if tampered {
                books.tamper(TAMPERED).await;
            }
            while !event.is_null() {
                let answer = reconciler.invoke(&event).await.unwrap();
                assert_eq!(answer["sections"], Value::Null, "{answer}");
                event = answer["next"].clone();
            }
            Night::of(&reconciler).await;
            assert_eq!(tells(&cloud, "PastDoesNotAgree", &reconciler).await, told);
            event = json!({"full": {}, "brief": true});
        }
    })
    .await;
}
