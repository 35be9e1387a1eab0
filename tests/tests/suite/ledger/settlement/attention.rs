//! Who has to come back to a settlement by when, and that one which nobody attends to is found.

use tests::cloud::Cloud;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::super::scratch::in_scratch_database;
use super::scene::{Call, FORWARD, Settlement, turn_freeze};

const SHORT: i64 = 15 * 60;
const FOR_PEOPLE: i64 = 25 * 60 * 60;

/// In how many seconds somebody must have come back, from now.
async fn attention(superuser: &Client, settlement: &Settlement) -> i64 {
    let sql =
        "SELECT ceil(extract(epoch FROM attend_by - now()))::bigint FROM ledger.settlements WHERE settlement_id = $1";
    superuser.query_one(sql, &[&settlement.id()]).await.unwrap().get(0)
}

/// As if nobody had come back for as long as that.
async fn lapse(superuser: &Client, settlement: &Settlement) {
    let sql = "UPDATE ledger.settlements SET attend_by = now() - interval '1 second' WHERE settlement_id = $1";
    assert_eq!(superuser.execute(sql, &[&settlement.id()]).await.unwrap(), 1);
}

/// The lapsed settlements that somebody takes who looks for them.
async fn leased(resumer: &Client) -> Vec<Uuid> {
    let sql = "SELECT settlement_id FROM ledger.lease_lapsed($1) WHERE lapsed_at <= now()";
    let rows = resumer.query_typed(sql, &[(&100, Type::INT4)]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn whoever_acts_waits_or_parks_comes_back_within_a_quarter_of_an_hour() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let operator = cloud.pooled_as("operator").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    let around = |seconds: i64, attention: i64| (seconds - 60..=seconds).contains(&attention);
    assert!(around(SHORT, attention(&superuser, &settlement).await), "as requested");
    for call in [FORWARD[0], Call::Park, Call::Park, FORWARD[1]] {
        lapse(&superuser, &settlement).await;
        settlement.call(&settler, call).await;
        assert!(around(SHORT, attention(&superuser, &settlement).await), "{call:?}");
    }
    turn_freeze(&operator, "freeze_account", settlement.escrow).await;
    lapse(&superuser, &settlement).await;
    let waits = settlement.call(&settler, FORWARD[2]).await;
    assert_eq!(waits.verdict, "waits");
    assert!(around(SHORT, attention(&superuser, &settlement).await), "waits");
    // What changes nothing, and whose caller may be late or dead by now, attends to nothing.
    lapse(&superuser, &settlement).await;
    for call in [FORWARD[0], FORWARD[3]] {
        settlement.call(&settler, call).await;
        assert!(attention(&superuser, &settlement).await <= 0, "{call:?}");
    }
}

#[tokio::test]
async fn who_waits_for_people_comes_back_every_day_and_a_minute_after_each_approval() {
    let cloud = Cloud::running();
    let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
    let operator = cloud.pooled_as("operator").await;
    let (_, settlement) = Settlement::accepted(&cloud).await;
    settlement.course(&settler, &FORWARD[..1]).await;
    settlement.course(&settler, &[Call::Limbo]).await;
    let (soon, day) = (SHORT - 60..=SHORT, FOR_PEOPLE - 60..=FOR_PEOPLE);
    assert!(
        soon.contains(&attention(&superuser, &settlement).await),
        "marked, and nobody waits yet"
    );
    let awaited = settlement.call(&settler, Call::Await).await;
    assert_eq!((&*awaited.verdict, awaited.decision), ("awaited", None));
    assert!(day.contains(&attention(&superuser, &settlement).await), "awaited");

    let (_, proposal) = settlement.propose(&operator, "anna", "refund").await;
    assert!(day.contains(&attention(&superuser, &settlement).await), "proposed");
    for verdict in ["approved", "decided"] {
        assert_eq!(settlement.approve(&operator, "ben", proposal.unwrap()).await.0, verdict);
        assert!(
            (1..=60).contains(&attention(&superuser, &settlement).await),
            "{verdict}"
        );
        // Whoever begins to wait now must not put it off.
        let awaited = settlement.call(&settler, Call::Await).await;
        assert_eq!(awaited.decision.as_deref(), Some("refund"));
        assert!(
            (1..=60).contains(&attention(&superuser, &settlement).await),
            "{verdict}, awaited"
        );
        // What was decided failed: nobody tries it again before people say so.
        assert_eq!(settlement.call(&settler, Call::Limbo).await.verdict, "stands");
        assert!(
            day.contains(&attention(&superuser, &settlement).await),
            "{verdict}, failed"
        );
        let almost_over = "UPDATE ledger.settlements SET attend_by = now() + interval '1 h' WHERE settlement_id = $1";
        superuser.execute(almost_over, &[&settlement.id()]).await.unwrap();
        settlement.call(&settler, Call::Await).await;
        assert!(
            day.contains(&attention(&superuser, &settlement).await),
            "{verdict}, awaited for another day"
        );
    }
}

#[tokio::test]
async fn a_lapsed_settlement_is_taken_once_and_comes_back_if_that_was_in_vain() {
    in_scratch_database(async |cloud| {
        let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
        let resumers = [cloud.pooled_as("resumer").await, cloud.pooled_as("resumer").await];
        let (_, lapsed) = Settlement::accepted(&cloud).await;
        let (_attended, ended) = (lapsed.another(&cloud).await, lapsed.another(&cloud).await);
        ended.course(&settler, &[Call::Burn]).await;
        for _ in 0..2 {
            for settlement in [&lapsed, &ended] {
                lapse(&superuser, settlement).await;
            }
            let (one, other) = tokio::join!(leased(&resumers[0]), leased(&resumers[1]));
            assert_eq!([one, other].concat(), [lapsed.id()]);
            assert!(leased(&resumers[0]).await.is_empty(), "until it lapses again");
        }
        // Executions that live and get nowhere are joined by fewer and fewer.
        let idle = "UPDATE ledger.settlements SET changed_at = now() - interval '8 h' WHERE settlement_id = $1";
        superuser.execute(idle, &[&lapsed.id()]).await.unwrap();
        lapse(&superuser, &lapsed).await;
        assert_eq!(leased(&resumers[0]).await, [lapsed.id()]);
        let quarter = 2 * 60 * 60;
        assert!((quarter - 60..=quarter + 60).contains(&attention(&superuser, &lapsed).await));
    })
    .await;
}

#[tokio::test]
async fn the_health_counts_what_is_parked_and_in_limbo_and_how_long_the_oldest_is_under_way() {
    in_scratch_database(async |cloud| {
        let (settler, superuser) = (cloud.pooled_as("settler").await, cloud.superuser().await);
        let resumer = cloud.pooled_as("resumer").await;
        let health = async || {
            let sql = "SELECT parked, limbo, oldest_seconds FROM ledger.settlements_health()";
            let row = resumer.query_typed(sql, &[]).await.unwrap().remove(0);
            (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2))
        };
        assert_eq!(health().await, (0, 0, 0));
        let (_, stuck) = Settlement::accepted(&cloud).await;
        stuck.course(&settler, &[FORWARD[0], Call::Limbo]).await;
        let (_, parked) = Settlement::accepted(&cloud).await;
        parked.course(&settler, &FORWARD[..1]).await;
        parked.call(&settler, Call::Park).await;
        let (_, ended) = Settlement::accepted(&cloud).await;
        ended.course(&settler, &[Call::Burn]).await;
        // As if an hour had passed since the parked one was asked for, and two since the others.
        let asked = "UPDATE ledger.settlements
                        SET created_at = now() - CASE settlement_id WHEN $1 THEN interval '1 h' ELSE interval '2 h' END";
        let allowed = "ALTER TABLE ledger.settlements DISABLE TRIGGER terms_never_changed";
        superuser.batch_execute(allowed).await.unwrap();
        superuser.execute(asked, &[&parked.id()]).await.unwrap();
        let (parked, limbo, oldest) = health().await;
        assert_eq!((parked, limbo), (1, 1));
        assert!((3600..3660).contains(&oldest), "{oldest}");
    })
    .await;
}
