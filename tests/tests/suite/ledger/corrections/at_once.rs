use std::time::Duration;

use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::super::scratch::in_scratch_database;
use super::super::statements::{Posting, name_of, sum_of_entries};
use super::scene::{Correction, Decision, corrections, given_back, paid};

/// What a call may fail by that waited for others too long: it was not decided.
const WAITED: &[&str] = &["55P03"];

/// Asks for all at once, each over a connection of its own to the pooler. Returns what was decided; what was not has failed by
/// one of these names.
async fn at_once(cloud: &Cloud, asked: Vec<Correction>, tolerated: &[&str]) -> Vec<Decision> {
    let mut ready = Vec::new();
    for correction in asked {
        ready.push((cloud.pooled_as("poster").await, correction));
    }
    let mut calls = JoinSet::new();
    for (poster, correction) in ready {
        calls.spawn(async move { correction.post(&poster).await });
    }
    let mut decided = Vec::new();
    for ended in calls.join_all().await {
        match ended {
            Ok(decision) => decided.push(decision),
            Err(error) => assert!(tolerated.contains(&&*name_of(&error)), "{error:?}"),
        }
    }
    assert!(!decided.is_empty());
    decided
}

/// What was given back by so many that were decided, each of this much, as many as fit.
fn as_many_as_fit(decisions: &[Decision], each: i64, payment: &Posting) -> i64 {
    let decided = i64::try_from(decisions.len()).unwrap();
    each * decided.min(payment.amount / each)
}

fn posted(decisions: &[Decision]) -> Vec<i64> {
    let posted = decisions.iter().filter(|each| each.outcome == "posted");
    posted.map(|each| each.amount).collect()
}

/// What was told, what is noted and what the entries say is one sum, and not above the payment.
async fn sums_agree(superuser: &Client, payment: &Posting, decisions: &[Decision]) -> i64 {
    let back = given_back(superuser, payment).await;
    assert!(back <= payment.amount, "{back} of {}", payment.amount);
    assert_eq!(corrections(superuser, payment).await.iter().sum::<i64>(), back);
    assert_eq!(posted(decisions).iter().sum::<i64>(), back);
    assert_eq!(
        sum_of_entries(superuser, payment.source).await,
        back,
        "the buyer has it"
    );
    back
}

#[tokio::test]
async fn refunds_of_one_payment_at_once_never_exceed_it() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    for round in 0..8 {
        let (_, payment) = paid(&cloud, 1000).await;
        let refund = |amount| Correction::refund(&payment, amount);
        let asked: Vec<_> = (0..40)
            .map(|n| match n % 8 {
                0 => refund(Some(1000)),
                1 => refund(None),
                2 => Correction::reversal(&payment),
                _ => refund(Some(30 + 7 * n + round)),
            })
            .collect();
        let decisions = at_once(&cloud, asked, WAITED).await;
        let back = sums_agree(&superuser, &payment, &decisions).await;
        // One of them was the first, and there was room for it.
        assert!(back > 0);
    }
}

#[tokio::test]
async fn partial_refunds_at_once_are_as_many_as_fit() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let (_, payment) = paid(&cloud, 1000).await;
    let asked = (0..50).map(|_| Correction::refund(&payment, Some(90))).collect();
    let decisions = at_once(&cloud, asked, WAITED).await;
    let back = sums_agree(&superuser, &payment, &decisions).await;
    assert_eq!(back, as_many_as_fit(&decisions, 90, &payment));
    assert!(
        decisions
            .iter()
            .all(|each| ["posted", "refund_above_payment"].contains(&each.outcome.as_str())),
        "{decisions:?}"
    );
}

#[tokio::test]
async fn a_reversal_beside_refunds_is_alone_or_too_late() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    for round in 0..12 {
        let (_, payment) = paid(&cloud, 100).await;
        let mut asked: Vec<_> = (0..6).map(|_| Correction::refund(&payment, Some(10))).collect();
        asked.insert(round % 7, Correction::reversal(&payment));
        let decisions = at_once(&cloud, asked, WAITED).await;
        let back = sums_agree(&superuser, &payment, &decisions).await;
        let (reversals, refunds): (Vec<_>, Vec<_>) = decisions.into_iter().partition(|each| each.amount == 100);
        let is_reversed = posted(&reversals) == [100];
        if is_reversed {
            assert_eq!(back, 100);
        } else {
            assert_eq!(back, as_many_as_fit(&refunds, 10, &payment), "all of them fit");
            assert!(reversals.iter().all(|each| each.outcome == "payment_already_corrected"));
            // The first to be decided is not too late.
            assert!(back > 0);
        }
        let told = if is_reversed { "refund_above_payment" } else { "posted" };
        assert!(refunds.iter().all(|each| each.outcome == told), "{refunds:?}");
    }
}

#[tokio::test]
async fn one_refund_asked_for_fifty_times_at_once_is_one() {
    let cloud = Cloud::running();
    let superuser = cloud.superuser().await;
    let (_, payment) = paid(&cloud, 1000).await;
    let refund = Correction::refund(&payment, None);
    let decisions = at_once(&cloud, vec![refund; 50], WAITED).await;
    let recorded = decisions.iter().filter(|each| each.verdict == "recorded").count();
    assert_eq!(recorded, 1);
    assert!(
        decisions
            .iter()
            .all(|each| (each.outcome.as_str(), each.amount) == ("posted", 1000))
    );
    assert_eq!(corrections(&superuser, &payment).await, [1000]);
    assert_eq!(given_back(&superuser, &payment).await, 1000);
}

#[tokio::test]
async fn a_refund_waits_for_the_one_before_it_and_sees_what_it_left() {
    let cloud = Cloud::running();
    let mut first = cloud.as_role("poster").await;
    let second = cloud.as_role("poster").await;
    let (_, payment) = paid(&cloud, 100).await;
    let transaction = first.transaction().await.unwrap();
    Correction::refund(&payment, Some(80))
        .decide(transaction.client())
        .await;
    let waiting = Correction::refund(&payment, Some(80));
    let mut waiting = tokio::spawn(async move { waiting.decide(&second).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "the second refund must wait for the first");
    // Another payment's do not, though they debit the same account.
    let (us, other) = paid(&cloud, 100).await;
    let poster = cloud.pooled_as("poster").await;
    let another = us.payment(other.destination, other.source, 1);
    assert_eq!(another.decide(&poster).await.outcome, "posted");
    assert_eq!(Correction::refund(&other, None).decide(&poster).await.outcome, "posted");
    transaction.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().outcome, "refund_above_payment");
}

/// What `decide_correction` would be without a look at what was given back before.
const DECIDE_BLINDLY: &str = "
    CREATE OR REPLACE FUNCTION ledger.decide_correction(
        p_tenant uuid, p_kind text, p_terms jsonb, p_amount bigint,
        OUT outcome text, OUT source uuid, OUT destination uuid, OUT amount bigint, OUT currency text
    ) LANGUAGE plpgsql AS $$
    BEGIN
        SELECT t.destination, t.source, coalesce(p_amount, t.amount), t.currency, 'posted'
          INTO source, destination, amount, currency, outcome
          FROM ledger.ledger_transactions t WHERE t.ledger_key = (p_terms ->> 'corrects')::uuid;
    END $$";
const DROP_THE_GUARD: &str = "DROP TRIGGER within_payment ON ledger.corrections";

/// Each of the two guards alone holds; without both, a payment is given back twice, and is found to be.
#[tokio::test]
async fn the_decision_and_the_guard_each_hold_alone() {
    for without in [
        &[DROP_THE_GUARD][..],
        &[DECIDE_BLINDLY],
        &[DECIDE_BLINDLY, DROP_THE_GUARD],
    ] {
        in_scratch_database(async move |cloud: Cloud| {
            let superuser = cloud.superuser().await;
            for sql in without {
                superuser.batch_execute(sql).await.unwrap();
            }
            let (_, payment) = paid(&cloud, 1000).await;
            let asked = |amount| -> Vec<_> { (0..20).map(|_| Correction::refund(&payment, Some(amount))).collect() };
            match without {
                [DROP_THE_GUARD] => {
                    let decisions = at_once(&cloud, asked(300), WAITED).await;
                    let back = sums_agree(&superuser, &payment, &decisions).await;
                    assert_eq!(back, as_many_as_fit(&decisions, 300, &payment));
                }
                [DECIDE_BLINDLY] => {
                    // Not all that would fit need get in: they number themselves before they wait for the guard.
                    let stopped = ["55P03", "corrections_numbered", "corrections_within_payment"];
                    let decisions = at_once(&cloud, asked(300), &stopped).await;
                    assert!(sums_agree(&superuser, &payment, &decisions).await >= 300);
                    // One by one nothing else is in their way: all that fit get in, and it is the guard that stops the next.
                    let poster = cloud.pooled_as("poster").await;
                    let mut one_by_one = asked(300).into_iter();
                    let stopped_by = loop {
                        if let Err(error) = one_by_one.next().unwrap().post(&poster).await {
                            break name_of(&error);
                        }
                    };
                    assert_eq!(stopped_by, "corrections_within_payment");
                    assert_eq!(given_back(&superuser, &payment).await, 900);
                }
                _ => {
                    let poster = cloud.pooled_as("poster").await;
                    for correction in asked(1000) {
                        correction.decide(&poster).await;
                    }
                    assert_eq!(given_back(&superuser, &payment).await, 20_000);
                }
            }
        })
        .await;
    }
}
