//! Whatever a superuser does to the books is found and named.

use serde_json::json;
use tests::alarms::{breaches, tells};
use tests::cloud::Cloud;

use super::scene::{Books, Night, settled, setup};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::statements::fold;

const ENTRIES: &str = "UPDATE ledger.ledger_entries SET";

/// Books that are clean, then this is done to them; what is found, and what must be among it.
async fn tampered(sql: &'static str, expected: &'static [&'static str]) {
    in_scratch_database(async move |cloud| {
        let books = Books::opened(&cloud).await;
        books.tamper(sql).await;
        let night = Night::alone(&cloud).await;
        let found = night.findings();
        assert_eq!(night.failed(), [""; 0], "{sql}");
        for expected in expected {
            let named = expected
                .replace("$payment", &books.payment.to_string())
                .replace("$buyer", &books.buyer.to_string())
                .replace("$till", &books.till.to_string());
            assert!(found.contains(&named), "{sql}: {named} is not among {found:?}");
        }
        assert_eq!(night.0["severity"], "critical");
    })
    .await;
}

#[tokio::test]
async fn clean_books_are_said_to_be_clean() {
    in_scratch_database(async |cloud| {
        Books::opened(&cloud).await;
        let night = Night::alone(&cloud).await;
        assert_eq!((night.findings(), night.failed()), (vec![], vec![]), "{:?}", night.0);
        assert_eq!(night.read("zero_sum"), 6);
        assert_eq!(night.count("zero_sum", "transactions"), 3);
        assert_eq!(night.count("balances", "compared"), 3);
        assert_eq!(night.read("announcements"), 3);
    })
    .await;
}

#[tokio::test]
async fn an_amount_that_was_changed() {
    tampered(
        "UPDATE ledger.ledger_entries SET amount = 31 WHERE idempotency_key = $payment AND entry_type = 'CREDIT'",
        &[
            "transaction_not_zero $payment",
            "currency_not_zero EUR",
            "entries_differ_from_intent $payment",
            "balance_differs $till",
        ],
    )
    .await;
}

#[tokio::test]
async fn both_amounts_that_were_changed_so_that_they_still_sum_to_zero() {
    tampered(
        "UPDATE ledger.ledger_entries SET amount = 31 WHERE idempotency_key = $payment",
        &[
            "entries_differ_from_intent $payment",
            "balance_differs $buyer",
            "balance_differs $till",
        ],
    )
    .await;
}

/// No run would look at it before the ledger's numbers reach it.
#[tokio::test]
async fn entries_that_were_given_a_number_of_the_future() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        settled(&cloud).await;
        books
            .tamper("UPDATE ledger.ledger_entries SET posted_in = '9000000000000' WHERE idempotency_key = $payment")
            .await;
        let found = Night::of(&setup(&cloud).start().await.unwrap()).await.findings();
        let expected = format!("entry_of_the_future {}", books.payment);
        assert!(found.contains(&expected), "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_deleted() {
    tampered(
        "DELETE FROM ledger.ledger_entries WHERE idempotency_key = $payment AND entry_type = 'DEBIT'",
        &[
            "transaction_not_zero $payment",
            "entries_not_two $payment",
            "balance_differs $buyer",
        ],
    )
    .await;
}

#[tokio::test]
async fn both_rows_that_were_deleted() {
    tampered(
        "DELETE FROM ledger.ledger_entries WHERE idempotency_key = $payment",
        &["intent_without_entries $payment", "balance_differs $buyer"],
    )
    .await;
}

#[tokio::test]
async fn a_row_that_was_added() {
    tampered(
        "INSERT INTO ledger.ledger_entries (amount, account_id, transaction_id, idempotency_key, tenant_id, entry_type, currency)
         VALUES (5, $buyer, $payment, $payment, $tenant, 'CREDIT', 'EUR')",
        &["transaction_not_zero $payment", "entries_not_two $payment", "balance_differs $buyer"],
    )
    .await;
}

#[tokio::test]
async fn a_transaction_that_nobody_asked_for() {
    tampered(
        "INSERT INTO ledger.ledger_entries (amount, account_id, transaction_id, idempotency_key, tenant_id, entry_type, currency)
         SELECT 5, account, '00000000-0000-8000-8000-00000000beef', '00000000-0000-8000-8000-00000000beef', $tenant, side::ledger.ledger_entry_type, 'EUR'
           FROM (VALUES ($buyer::uuid, 'DEBIT'), ($till::uuid, 'CREDIT')) AS v (account, side)",
        &[
            "entries_without_intent 00000000-0000-8000-8000-00000000beef",
            "balance_differs $buyer",
            "balance_differs $till",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_account_that_was_swapped() {
    tampered(
        "UPDATE ledger.ledger_entries SET account_id = $buyer WHERE idempotency_key = $payment AND entry_type = 'CREDIT'",
        &["entries_differ_from_intent $payment", "balance_differs $buyer", "balance_differs $till"],
    )
    .await;
}

#[tokio::test]
async fn a_checkpoint_that_is_wrong() {
    tampered(
        "UPDATE ledger.balance_checkpoints SET balance = balance + 7 WHERE account_id = $buyer",
        &["balance_differs $buyer", "currency_not_zero EUR"],
    )
    .await;
}

/// What one account gains another loses, so that no sum tells; and no entry has moved either since the night before.
#[tokio::test]
async fn checkpoints_that_were_changed_both_ways() {
    in_scratch_database(async |cloud| {
        let books = Books::opened(&cloud).await;
        fold(&cloud.pooled_as("folder").await, books.till).await.unwrap();
        let before = Night::alone(&cloud).await;
        assert_eq!((before.findings(), before.failed()), (vec![], vec![]), "{:?}", before.0);
        let change = "UPDATE ledger.balance_checkpoints
                         SET balance = balance + CASE account_id WHEN $buyer THEN 50 ELSE -50 END
                       WHERE account_id IN ($buyer, $till)";
        books.tamper(change).await;
        let found = Night::alone(&cloud).await.findings();
        for account in [books.buyer, books.till] {
            let named = format!("balance_differs {account}");
            assert!(found.contains(&named), "{named} is not among {found:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_delta_that_is_missing_from_the_tail() {
    tampered(
        "DELETE FROM ledger.balance_tail WHERE account_id = $buyer",
        &["balance_differs $buyer", "currency_not_zero EUR"],
    )
    .await;
}

#[tokio::test]
async fn an_outbox_row_that_was_removed() {
    tampered(
        "DELETE FROM ledger.outbox WHERE ledger_key = $payment",
        &["not_announced $payment"],
    )
    .await;
}

#[tokio::test]
async fn an_intent_that_was_changed() {
    tampered(
        "UPDATE ledger.ledger_transactions SET amount = 3 WHERE ledger_key = $payment",
        &["entries_differ_from_intent $payment"],
    )
    .await;
}

#[tokio::test]
async fn an_intent_whose_outcome_was_changed() {
    tampered(
        "UPDATE ledger.ledger_transactions SET outcome = 'insufficient_funds' WHERE ledger_key = $payment",
        &["entries_of_unposted_intent $payment"],
    )
    .await;
}

#[tokio::test]
async fn an_entry_of_another_tenant_s() {
    tampered(
        "UPDATE ledger.ledger_entries SET tenant_id = gen_random_uuid() WHERE idempotency_key = $payment AND entry_type = 'DEBIT'",
        &["entries_of_wrong_account $payment"],
    )
    .await;
}

#[tokio::test]
async fn an_account_that_is_frozen_in_name_only() {
    tampered(
        "UPDATE ledger.accounts SET frozen_at = now() WHERE account_id = $buyer",
        &["frozen_without_freeze $buyer"],
    )
    .await;
}

/// A queue that subscribes to a topic of the test's own.
const ON_DUTY: &str = r#"
sns, sqs = client("sns"), client("sqs")
topic = sns.create_topic(Name=given)["TopicArn"]
queue = sqs.create_queue(QueueName=given)["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
policy = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
}]}
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
told = {"topic": topic, "queue": queue}
"#;
const CALLS: &str = r#"
got = client("sqs").receive_message(QueueUrl=given, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
told = [json.loads(each["Body"])["Message"] for each in got]
"#;
const KEPT: &str = r#"
s3 = client("s3")
got = {name: s3.get_object(Bucket=given["bucket"], Key=given[name]) for name in ("json", "html")}
told = {name: [each["ContentType"], each["Body"].read().decode()] for name, each in got.items()}
"#;

#[tokio::test]
async fn a_sum_that_is_not_zero_calls_people_at_once_and_is_in_the_report_and_the_metrics() {
    in_scratch_database(async |cloud: Cloud| {
        let books = Books::opened(&cloud).await;
        let name = format!("duty-{}", books.payment);
        let duty = cloud.ask(ON_DUTY, &json!(name)).await;
        let reconciler = setup(&cloud)
            .set("PAGER_TOPIC_ARN", duty["topic"].as_str().unwrap())
            .start()
            .await
            .unwrap();
        settled(&cloud).await;
        Night::of(&reconciler).await;
        assert_eq!(
            cloud.ask(CALLS, &duty["queue"]).await,
            json!([]),
            "clean books call nobody"
        );

        let payment = books.merchant.payment(books.buyer, books.till, 1);
        payment.decide(&cloud.pooled_as("poster").await).await;
        let of_it = format!("WHERE idempotency_key = '{}'", payment.key);
        books
            .tamper(&format!("{ENTRIES} amount = 31 {of_it} AND entry_type = 'CREDIT'"))
            .await;
        settled(&cloud).await;
        let night = Night::of(&reconciler).await;
        let calls = cloud.ask(CALLS, &duty["queue"]).await;
        let [call] = calls.as_array().unwrap().as_slice() else {
            panic!("{calls}");
        };
        let call = call.as_str().unwrap();
        assert!(
            call.contains(&format!("transaction_not_zero: {}", payment.key)),
            "{call}"
        );

        let kept = cloud.ask(KEPT, &night.0["kept"]).await;
        assert_eq!(kept["html"][0], "text/html; charset=utf-8");
        let (html, json) = (kept["html"][1].as_str().unwrap(), kept["json"][1].as_str().unwrap());
        assert!(html.contains(&payment.key.to_string()) && html.contains("transaction_not_zero"));
        let stored: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(stored["sections"], night.0["sections"]);

        assert_eq!(tells(&cloud, "BooksNotProved", &reconciler).await, [1, 1], "nights");
        let critical = breaches(&cloud, "BooksDoNotAgree", &reconciler).await;
        assert!(critical[1] > critical[0], "{critical:?}");
        let output = reconciler.output();
        let lines = output
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let metrics: Vec<_> = lines.filter(|line| !line["_aws"].is_null()).collect();
        let of_check = metrics.iter().filter(|line| line["Check"] == "zero_sum");
        let counts: Vec<_> = of_check
            .map(|line| line["CriticalFindings"].as_u64().unwrap())
            .collect();
        assert!(counts[0] == 0 && counts[1] >= 2, "{counts:?}");
    })
    .await;
}
