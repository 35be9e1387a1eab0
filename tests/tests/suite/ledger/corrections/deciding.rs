use tests::cloud::Cloud;
use uuid::Uuid;

use super::super::merchant::Merchant;
use super::super::statements::{Posting, balance, count, entries_under, events_under, key_minted, untimed_key};
use super::scene::{Correction, corrections, given_back, paid};

const STORED: &str = "SELECT count(*) FROM ledger.ledger_transactions WHERE ledger_key = $1";

async fn balances(cloud: &Cloud, payment: &Posting) -> [i64; 2] {
    let reader = cloud.pooled_as("reader").await;
    let of = async |account| balance(&reader, payment.tenant, account).await.unwrap();
    [of(payment.source).await, of(payment.destination).await]
}

#[tokio::test]
async fn a_refund_takes_the_way_of_the_payment_back() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, payment) = paid(&cloud, 1000).await;
    let refund = Correction::refund(&payment, Some(300));
    let decision = refund.decide(&poster).await;
    assert_eq!(decision.told(), ("recorded", "posted", 300));
    assert_eq!(
        (decision.source, decision.destination, decision.currency.as_str()),
        (payment.destination, payment.source, "EUR")
    );
    assert_eq!(balances(&cloud, &payment).await, [300, 700]);
    assert_eq!(entries_under(&superuser, refund.key).await, 2);
    let announced = "SELECT event_type FROM ledger.outbox WHERE ledger_key = $1";
    let row = superuser.query_one(announced, &[&refund.key]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "refund.posted.v1");
}

#[tokio::test]
async fn refunds_add_up_to_the_payment_and_not_beyond() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, payment) = paid(&cloud, 1000).await;
    for (asked, expected) in [
        (Some(1001), ("recorded", "refund_above_payment", 1001)),
        (Some(400), ("recorded", "posted", 400)),
        (Some(601), ("recorded", "refund_above_payment", 601)),
        (Some(599), ("recorded", "posted", 599)),
        (Some(2), ("recorded", "refund_above_payment", 2)),
        // What is left.
        (None, ("recorded", "posted", 1)),
        (Some(1), ("recorded", "refund_above_payment", 1)),
        (None, ("recorded", "payment_already_corrected", 1000)),
    ] {
        let refund = Correction::refund(&payment, asked);
        assert_eq!(refund.decide(&poster).await.told(), expected);
        let again = refund.decide(&poster).await;
        assert_eq!(again.told(), ("replayed", expected.1, expected.2));
        let moved = i64::from(expected.1 == "posted");
        assert_eq!(entries_under(&superuser, refund.key).await, 2 * moved);
        assert_eq!(events_under(&superuser, refund.key).await, moved);
    }
    assert_eq!(corrections(&superuser, &payment).await, [400, 599, 1]);
    assert_eq!(given_back(&superuser, &payment).await, 1000);
    assert_eq!(balances(&cloud, &payment).await, [1000, 0]);
}

#[tokio::test]
async fn a_reversal_is_of_the_whole_and_comes_alone() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (_, reversed) = paid(&cloud, 70).await;
    let reversal = Correction::reversal(&reversed);
    assert_eq!(reversal.decide(&poster).await.told(), ("recorded", "posted", 70));
    for (later, told) in [
        (
            Correction::reversal(&reversed),
            ("recorded", "payment_already_corrected", 70),
        ),
        (
            Correction::refund(&reversed, None),
            ("recorded", "payment_already_corrected", 70),
        ),
        (
            Correction::refund(&reversed, Some(1)),
            ("recorded", "refund_above_payment", 1),
        ),
    ] {
        assert_eq!(later.decide(&poster).await.told(), told);
    }
    assert_eq!(reversal.decide(&poster).await.told(), ("replayed", "posted", 70));
    assert_eq!(corrections(&superuser, &reversed).await, [70]);

    let (_, refunded) = paid(&cloud, 70).await;
    let refund = Correction::refund(&refunded, Some(1));
    refund.decide(&poster).await;
    let too_late = Correction::reversal(&refunded).decide(&poster).await;
    assert_eq!(too_late.told(), ("recorded", "payment_already_corrected", 70));
    assert_eq!(corrections(&superuser, &refunded).await, [1]);
}

#[tokio::test]
async fn floors_and_freezes_bind_what_is_given_back() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (
        merchant.buyer(100).await,
        merchant.open("merchant", "EUR", Some(0)).await,
    );
    let payment = merchant.payment(buyer, till, 100);
    payment.decide(&poster).await;
    // The till has spent most of it.
    merchant.payment(till, buyer, 60).decide(&poster).await;
    let short = Correction::refund(&payment, None).decide(&poster).await;
    assert_eq!(short.told(), ("recorded", "insufficient_funds", 100));
    let affordable = Correction::refund(&payment, Some(40)).decide(&poster).await;
    assert_eq!(affordable.told(), ("recorded", "posted", 40));
    for account in [buyer, till] {
        merchant.freeze(&superuser, account).await;
        let frozen = Correction::refund(&payment, Some(1)).decide(&poster).await;
        assert_eq!(frozen.told(), ("recorded", "account_frozen", 1));
        let thaw = "UPDATE ledger.accounts SET frozen_at = NULL WHERE account_id = $1";
        superuser.execute(thaw, &[&account]).await.unwrap();
    }
    assert_eq!(given_back(&superuser, &payment).await, 40);
}

/// What can be decided later is not decided now: the key is left free, and nothing is recorded under it.
#[tokio::test]
async fn what_cannot_be_corrected_fails_by_name_and_takes_no_key() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (us, payment) = paid(&cloud, 50).await;
    let declined = us.payment(payment.source, payment.destination, 5000);
    assert_eq!(declined.decide(&poster).await.outcome, "insufficient_funds");
    let (_, theirs) = paid(&cloud, 50).await;
    for payment in [Uuid::new_v4(), untimed_key(), theirs.key] {
        for kind in ["refund", "reversal"] {
            let correction = Correction {
                kind,
                payment,
                ..Correction::refund(&declined, Some(1))
            };
            assert_eq!(
                correction.refused(&poster).await,
                "payment_unknown",
                "{kind} of {payment}"
            );
            assert_eq!(count(&superuser, STORED, correction.key).await, 0);
        }
    }
    assert_eq!(given_back(&superuser, &theirs).await, 0);
}

/// A repeat is answered with what stands, whatever has become of the payment since, and whatever it asks for now.
#[tokio::test]
async fn a_key_that_stands_is_answered_before_anything_is_said_of_the_payment() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let (us, payment) = paid(&cloud, 100).await;
    let first = Correction::refund(&payment, Some(30));
    assert_eq!(first.decide(&poster).await.verdict, "recorded");
    assert_eq!(Correction::refund(&payment, None).decide(&poster).await.amount, 70);
    assert_eq!(first.decide(&poster).await.told(), ("replayed", "posted", 30));
    for other in [
        Correction {
            payment: Uuid::new_v4(),
            ..first.clone()
        },
        Correction {
            amount: Some(31),
            ..first.clone()
        },
        Correction {
            kind: "reversal",
            ..first.clone()
        },
    ] {
        // The fingerprint is what a request is known by; the rest of this one is made up.
        assert_eq!(other.decide(&poster).await.told(), ("replayed", "posted", 30));
        let other = Correction {
            fingerprint: super::super::statements::fingerprint(),
            ..other
        };
        assert_eq!(other.decide(&poster).await.told(), ("mismatched", "posted", 30));
    }
    let as_payment = us.payment(payment.source, payment.destination, 1).with_key(first.key);
    assert_eq!(as_payment.decide(&poster).await.told(), ("mismatched", "posted"));
    let of_a_payment = Correction {
        key: payment.key,
        ..Correction::refund(&payment, Some(1))
    };
    assert_eq!(of_a_payment.decide(&poster).await.told(), ("mismatched", "posted", 100));
}

#[tokio::test]
async fn a_correction_s_key_has_its_window_as_any() {
    let cloud = Cloud::running();
    let poster = cloud.pooled_as("poster").await;
    let (_, payment) = paid(&cloud, 100).await;
    for (name, age) in [("key_too_early", 25 * 3600), ("key_expired", -49 * 3600)] {
        let refund = Correction {
            key: key_minted(age),
            ..Correction::refund(&payment, None)
        };
        assert_eq!(refund.refused(&poster).await, name);
        let of_nothing = Correction {
            payment: Uuid::new_v4(),
            ..refund
        };
        assert_eq!(of_nothing.refused(&poster).await, name);
    }
}

/// Nobody but `correct-payment` sends terms; whoever leaves them out, or sends those of something else, moves nothing as a
/// correction.
#[tokio::test]
async fn a_correction_without_its_payment_moves_nothing() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (us, payment) = paid(&cloud, 100).await;
    for kind in ["refund", "reversal"] {
        let bare = Posting {
            kind,
            ..us.payment(payment.destination, payment.source, 10)
        };
        assert_eq!(bare.decide(&poster).await.told(), ("recorded", "account_not_eligible"));
        assert_eq!(entries_under(&superuser, bare.key).await, 0);
    }
    let disguised = Correction {
        kind: "payment",
        ..Correction::refund(&payment, Some(1))
    };
    assert_eq!(disguised.refused(&poster).await, "corrections_kind_known");
    assert_eq!(count(&superuser, STORED, disguised.key).await, 0);
    assert_eq!(given_back(&superuser, &payment).await, 0);
}
