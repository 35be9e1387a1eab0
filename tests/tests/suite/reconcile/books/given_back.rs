//! What was given back, and what is noted of it: one decides how much there still is to give back, the other has moved.

use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{Books, Night, settled, setup};
use crate::ledger::corrections::scene::Correction;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{FORWARD, Settlement};

/// Books of which 10 of a payment of 30 was given back.
struct Refunded {
    books: Books,
    refund: Uuid,
}

impl Refunded {
    async fn opened(cloud: &Cloud) -> Self {
        let books = Books::opened(cloud).await;
        let refund = refund(cloud, &books, Some(10)).await;
        Self { books, refund }
    }

    /// As [`Books::tamper`]; `$refund` stands for the refund's id.
    async fn tamper(&self, sql: &str) {
        self.books.tamper(&self.naming(sql)).await;
    }

    fn naming(&self, text: &str) -> String {
        text.replace("$refund", &format!("'{}'", self.refund))
    }

    /// What is found of corrections; `$payment` and `$refund` stand for their ids.
    fn assert_found(&self, night: &Night, expected: &[&str], why: &str) {
        assert_eq!(night.failed(), [""; 0], "{why}");
        let found = night.findings().into_iter();
        let found: Vec<String> = found.filter(|finding| finding.starts_with("correct")).collect();
        let named = |finding: &&str| {
            let finding = finding.replace("$payment", &self.books.payment.to_string());
            finding.replace("$refund", &self.refund.to_string())
        };
        assert_eq!(found, expected.iter().map(named).collect::<Vec<_>>(), "{why}");
        assert_eq!(night.0["severity"], "critical", "{why}");
    }
}

/// Gives this much of the books' payment back, or what is left; returns the refund's id.
async fn refund(cloud: &Cloud, books: &Books, amount: Option<i64>) -> Uuid {
    let payment = books.merchant.payment(books.buyer, books.till, 30);
    let refund = Correction::refund(&payment.with_key(books.payment), amount);
    let decision = refund.decide(&cloud.pooled_as("poster").await).await;
    assert_eq!((&*decision.verdict, &*decision.outcome), ("recorded", "posted"));
    refund.key
}

#[tokio::test]
async fn of_what_is_sound_nothing_is_found_whenever_it_is_given_back() {
    in_scratch_database(async |cloud| {
        let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
        let Refunded { books, .. } = Refunded::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        let nothing = async || {
            settled(&cloud).await;
            let night = Night::of(&reconciler).await;
            assert_eq!((night.findings(), night.failed()), (vec![], vec![]), "{:?}", night.0);
        };
        nothing().await;
        // The rest, on another night than the first.
        refund(&cloud, &books, None).await;
        let too_much = books
            .merchant
            .payment(books.buyer, books.till, 30)
            .with_key(books.payment);
        let refused = Correction::refund(&too_much, None).decide(&poster).await;
        assert_eq!(refused.outcome, "payment_already_corrected");
        let reversed = books.merchant.payment(books.buyer, books.till, 7);
        reversed.decide(&poster).await;
        assert_eq!(Correction::reversal(&reversed).decide(&poster).await.outcome, "posted");
        nothing().await;
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &FORWARD).await;
        for amount in [Some(150), None] {
            let back = Correction::refund(&settlement.request, amount).decide(&poster).await;
            assert_eq!(back.outcome, "posted");
            nothing().await;
        }
        let full = Night::over_all(&reconciler).await;
        assert_eq!((full.findings(), full.failed()), (vec![], vec![]), "{:?}", full.0);
    })
    .await;
}

#[tokio::test]
async fn a_correction_that_is_not_noted_or_noted_otherwise_is_found() {
    const NOTED: &str = "UPDATE ledger.corrections SET";
    for (what, expected) in [
        ("DELETE FROM ledger.corrections", "correction_missing $refund"),
        (&format!("{NOTED} amount = 9"), "correction_differs $refund"),
        (&format!("{NOTED} kind = 'reversal'"), "correction_differs $refund"),
        (
            &format!("{NOTED} tenant_id = gen_random_uuid()"),
            "correction_differs $refund",
        ),
        (
            &format!(
                "{NOTED} original = (SELECT ledger_key FROM ledger.ledger_transactions WHERE kind = 'payment' AND ledger_key <> $payment)"
            ),
            "correction_differs $refund",
        ),
    ] {
        let sql = format!("{what} WHERE ledger_key = $refund");
        in_scratch_database(async move |cloud| {
            let refunded = Refunded::opened(&cloud).await;
            refunded.tamper(&sql).await;
            refunded.assert_found(&Night::alone(&cloud).await, &[expected], &sql);
        })
        .await;
    }
}

#[tokio::test]
async fn more_given_back_than_there_was_is_found() {
    const INTENT: &str = "UPDATE ledger.ledger_transactions SET";
    for what in ["amount = 9", "outcome = 'insufficient_funds'", "kind = 'deposit'"] {
        let sql = format!("{INTENT} {what} WHERE ledger_key = $payment");
        in_scratch_database(async move |cloud| {
            let refunded = Refunded::opened(&cloud).await;
            refunded.tamper(&sql).await;
            refunded.assert_found(&Night::alone(&cloud).await, &["corrected_above_payment $payment"], &sql);
        })
        .await;
    }
}

/// The note is taken away for as long as it takes to refund the whole; each refund alone is sound.
#[tokio::test]
async fn a_payment_given_back_twice_is_found_though_each_refund_is_noted() {
    in_scratch_database(async |cloud| {
        let refunded = Refunded::opened(&cloud).await;
        refunded
            .tamper("CREATE TABLE ledger.aside AS SELECT * FROM ledger.corrections; DELETE FROM ledger.corrections")
            .await;
        refund(&cloud, &refunded.books, None).await;
        refunded
            .tamper("UPDATE ledger.aside SET number = 2; INSERT INTO ledger.corrections SELECT * FROM ledger.aside; DROP TABLE ledger.aside")
            .await;
        let night = Night::alone(&cloud).await;
        refunded.assert_found(&night, &["corrected_above_payment $payment"], "40 of 30");
        assert_eq!(night.findings().len(), 1, "{:?}", night.0);
    })
    .await;
}

/// What was noted on another night counts, and by what it has moved.
#[tokio::test]
async fn an_old_note_that_was_made_smaller_is_found_when_more_is_given_back() {
    in_scratch_database(async |cloud| {
        let refunded = Refunded::opened(&cloud).await;
        let reconciler = setup(&cloud).start().await.unwrap();
        settled(&cloud).await;
        let before = Night::of(&reconciler).await;
        assert_eq!((before.findings(), before.failed()), (vec![], vec![]), "{:?}", before.0);
        refunded
            .tamper("UPDATE ledger.corrections SET amount = 1 WHERE ledger_key = $refund")
            .await;
        refund(&cloud, &refunded.books, Some(29)).await;
        settled(&cloud).await;
        let expected = ["corrected_above_payment $payment", "correction_differs $refund"];
        refunded.assert_found(&Night::of(&reconciler).await, &expected, "39 of 30");
    })
    .await;
}
