//! The guard of the table itself: whoever writes a correction, past every function.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cloud::Cloud;
use tokio_postgres::Client;
use uuid::Uuid;

use super::super::settlement::scene::{FORWARD, Settlement};
use super::super::statements::{Posting, failure, name_of, untimed_key};
use super::scene::{Correction, corrections, paid};

/// A row of corrections, and the intent it stands for, as somebody writes them by hand.
#[derive(Debug, Clone)]
struct Forged {
    key: Uuid,
    tenant: Uuid,
    original: Uuid,
    kind: &'static str,
    amount: i64,
    number: i32,
    /// What the intent says, where it does not agree.
    intent: Value,
}

impl Forged {
    /// One that agrees with the payment.
    fn of(payment: &Posting, amount: i64, number: i32) -> Self {
        Self {
            key: untimed_key(),
            tenant: payment.tenant,
            original: payment.key,
            kind: "refund",
            amount,
            number,
            intent: json!({
                "kind": "refund", "outcome": "posted", "amount": amount, "currency": payment.currency,
                "source": payment.destination, "destination": payment.source, "payment": payment.key,
            }),
        }
    }

    fn into_reversal(mut self) -> Self {
        self.kind = "reversal";
        self.saying("kind", json!("reversal"))
    }

    fn saying(mut self, member: &str, value: Value) -> Self {
        self.intent[member] = value;
        self
    }

    fn statements(&self) -> String {
        let text = |member: &str| self.intent[member].as_str().unwrap_or_default().to_owned();
        let Self {
            key,
            tenant,
            original,
            kind,
            amount,
            number,
            ..
        } = self;
        format!(
            "INSERT INTO ledger.ledger_transactions
                    (ledger_key, tenant_id, kind, fingerprint, outcome, source, destination, amount, currency, details, answer_version)
             VALUES ('{key}', '{tenant}', '{}', sha256('forged'), '{}', '{}', '{}', {}, '{}', '{{\"payment\": \"{}\"}}', 1);
             INSERT INTO ledger.corrections (ledger_key, original, tenant_id, amount, number, kind)
             VALUES ('{key}', '{original}', '{tenant}', {amount}, {number}, '{kind}');",
            text("kind"), text("outcome"), text("source"), text("destination"), self.intent["amount"], text("currency"),
            text("payment"),
        )
    }

    async fn fails(&self, writer: &Client) -> String {
        failure(writer, &format!("BEGIN; {} COMMIT", self.statements())).await
    }
}

/// Whoever gets as far as the table: the engine within its tenant, the superuser, and the superuser as a replica.
async fn writers(cloud: &Cloud, tenant: Uuid) -> Vec<(&'static str, Client)> {
    let (engine, replica) = (cloud.superuser().await, cloud.superuser().await);
    let become_it = format!("SET ROLE ledger_engine; SET app.tenant_id = '{tenant}'");
    engine.batch_execute(&become_it).await.unwrap();
    replica
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    vec![
        ("engine", engine),
        ("superuser", cloud.superuser().await),
        ("replica", replica),
    ]
}

/// Fails by this name, and leaves the writer where it was.
async fn fails(name: &str, (who, writer): &(&str, Client), forged: &Forged) {
    assert_eq!(forged.fails(writer).await, name, "{who}: {forged:?}");
    writer.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn nobody_writes_corrections_above_the_payment() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, payment) = paid(&cloud, 100).await;
    let (_, whole) = paid(&cloud, 100).await;
    Correction::refund(&payment, Some(60)).decide(&poster).await;
    let above = "corrections_within_payment";
    for writer in writers(&cloud, payment.tenant).await {
        fails(above, &writer, &Forged::of(&payment, 41, 2)).await;
        fails(above, &writer, &Forged::of(&payment, 101, 2)).await;
        fails("corrections_numbered", &writer, &Forged::of(&payment, 40, 1)).await;
        fails(
            "corrections_reversal_alone",
            &writer,
            &Forged::of(&payment, 100, 2).into_reversal(),
        )
        .await;
    }
    for writer in writers(&cloud, whole.tenant).await {
        // Two in one statement: each fits, both do not.
        let (one, two) = (Forged::of(&whole, 60, 1), Forged::of(&whole, 60, 2));
        let [intent_one, row_one] = halves(&one);
        let [intent_two, row_two] = halves(&two);
        let values = row_two.split_once("VALUES").unwrap().1;
        let both = format!("BEGIN; {intent_one}; {intent_two}; {row_one}, {values}; COMMIT");
        assert_eq!(failure(&writer.1, &both).await, above, "{}", writer.0);
        writer.1.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(corrections(&superuser, &payment).await, [60]);
    // What fits and agrees may be written: by nobody else would it be known that the rest is refused for its own reason.
    let fits = Forged::of(&payment, 40, 2);
    superuser
        .batch_execute(&format!("BEGIN; {} ROLLBACK", fits.statements()))
        .await
        .unwrap();
}

fn halves(forged: &Forged) -> [String; 2] {
    let statements = forged.statements();
    let (intent, row) = statements.split_once(';').unwrap();
    [intent.to_owned(), row.trim().trim_end_matches(';').to_owned()]
}

#[tokio::test]
async fn nobody_corrects_what_never_moved_or_otherwise_than_the_intent_says() {
    let cloud = Cloud::running();
    let (poster, settler) = (cloud.pooled_as("poster").await, cloud.pooled_as("settler").await);
    let (us, payment) = paid(&cloud, 100).await;
    let declined = us.payment(payment.source, payment.destination, 100);
    assert_eq!(declined.decide(&poster).await.outcome, "insufficient_funds");
    let deposit = us.deposit(payment.source, 100);
    deposit.decide(&poster).await;
    let (_, theirs) = paid(&cloud, 100).await;
    let nothing = "corrections_of_what_moved";
    let otherwise = "corrections_as_recorded";
    let sound = Forged::of(&payment, 100, 1);
    let elsewhere = |original| Forged {
        original,
        ..sound.clone()
    };
    for writer in writers(&cloud, payment.tenant).await {
        for forged in [
            Forged::of(&declined, 100, 1),
            Forged::of(&deposit, 100, 1),
            elsewhere(Uuid::new_v4()),
            elsewhere(theirs.key),
            Forged::of(&payment, 99, 1).into_reversal(),
        ] {
            fails(nothing, &writer, &forged).await;
        }
        for (member, value) in [
            ("kind", json!("payment")),
            ("kind", json!("reversal")),
            ("outcome", json!("insufficient_funds")),
            ("amount", json!(99)),
            ("currency", json!("USD")),
            ("source", json!(Uuid::new_v4())),
            ("destination", json!(Uuid::new_v4())),
            ("payment", json!(theirs.key)),
        ] {
            fails(otherwise, &writer, &sound.clone().saying(member, value)).await;
        }
        fails(
            "corrections_amount_positive",
            &writer,
            &Forged {
                amount: -1,
                ..sound.clone()
            },
        )
        .await;
        fails(
            "corrections_kind_known",
            &writer,
            &Forged {
                kind: "chargeback",
                ..sound.clone()
            },
        )
        .await;
    }
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let request = &settlement.request;
    settlement.course(&settler, &FORWARD[..3]).await;
    for writer in writers(&cloud, request.tenant).await {
        fails(nothing, &writer, &Forged::of(request, 1, 1)).await;
    }
    settlement.course(&settler, &FORWARD[3..]).await;
    for writer in writers(&cloud, request.tenant).await {
        fails(nothing, &writer, &Forged::of(request, 400, 1).into_reversal()).await;
        fails("corrections_within_payment", &writer, &Forged::of(request, 401, 1)).await;
    }
}

#[tokio::test]
async fn a_correction_without_an_intent_or_of_another_tenant_is_refused() {
    let cloud = Cloud::running();
    let (_, payment) = paid(&cloud, 100).await;
    let bare = Forged::of(&payment, 100, 1);
    for (who, writer) in writers(&cloud, payment.tenant).await {
        let [_, row] = halves(&bare);
        assert_eq!(failure(&writer, &row).await, "corrections_as_recorded", "{who}");
    }
    // Row-level security, before the guard is asked.
    let (_, theirs) = paid(&cloud, 100).await;
    let engine = writers(&cloud, theirs.tenant).await.remove(0);
    fails("42501", &engine, &bare).await;
}

/// Each fits what it sees before the other commits; the lock is the guard's own.
#[tokio::test]
async fn of_two_writers_at_once_the_second_sees_the_first() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    for n in 0..3 {
        let (_, payment) = paid(&cloud, 100).await;
        let (_, first) = writers(&cloud, payment.tenant).await.swap_remove(n);
        let (_, second) = writers(&cloud, payment.tenant).await.swap_remove(n);
        let begun = format!("BEGIN; {}", Forged::of(&payment, 60, 1).statements());
        first.batch_execute(&begun).await.unwrap();
        // The row alone: it is nothing else that waits.
        let [intent, row] = halves(&Forged::of(&payment, 60, 2));
        second.batch_execute(&format!("BEGIN; {intent}")).await.unwrap();
        let late = format!("{row}; COMMIT");
        let mut waiting = tokio::spawn(async move { second.batch_execute(&late).await });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
        assert!(early.is_err(), "the second must wait for the first");
        first.batch_execute("COMMIT").await.unwrap();
        let refused = waiting.await.unwrap().unwrap_err();
        assert_eq!(name_of(&refused), "corrections_within_payment");
        assert_eq!(corrections(&superuser, &payment).await, [60]);
    }
}

#[tokio::test]
async fn a_correction_at_any_other_isolation_level_is_refused() {
    let cloud = Cloud::running();
    let (_, payment) = paid(&cloud, 100).await;
    for (who, writer) in writers(&cloud, payment.tenant).await {
        for level in ["REPEATABLE READ", "SERIALIZABLE"] {
            // The row alone, of an intent that is there: it is the guard of this table that refuses.
            let [intent, row] = halves(&Forged::of(&payment, 1, 1));
            let begun = format!("BEGIN ISOLATION LEVEL {level}; {intent}");
            writer.batch_execute(&begun).await.unwrap();
            assert_eq!(failure(&writer, &row).await, "isolation_not_read_committed", "{who}");
            writer.batch_execute("ROLLBACK").await.unwrap();
        }
    }
}

#[tokio::test]
async fn nobody_changes_or_removes_a_correction() {
    let cloud = Cloud::running();
    let (_, payment) = paid(&cloud, 100).await;
    for (who, writer) in writers(&cloud, payment.tenant).await.split_off(1) {
        for sql in [
            "UPDATE ledger.corrections SET amount = 1",
            "DELETE FROM ledger.corrections WHERE false",
            "TRUNCATE ledger.corrections",
        ] {
            assert_eq!(failure(&writer, sql).await, "append_only", "{who}: {sql}");
        }
    }
}
