//! What fails no settlement, and what people are called for.

use aws_sdk_sfn::types::ExecutionStatus::Failed;
use domain::settlement::status::Status::{Compensated, Limbo, Settled};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::case::Case;
use super::desk::Fault::Before;
use super::stage::Stage;
use crate::ledger::scratch::in_scratch_database;

const FOR_EVER: usize = usize::MAX;
/// More often than the long machine tries twice over.
const FOR_LONG: usize = 12;

#[tokio::test]
async fn an_outage_of_the_ledger_fails_no_settlement() {
    let forward = ["look", "hold", "verify", "release", "collect_fee"].map(|action| (None, action, Settled));
    let backward = ["burn", "undo_release", "undo_hold"].map(|action| (Some("collect_fee"), action, Compensated));
    in_scratch_database(async move |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        stream::iter(forward.into_iter().chain(backward))
            .flat_map(|place| stream::iter(["LedgerUnavailable", "OutcomeUnknown"].map(|name| (place, name))))
            .for_each_concurrent(16, async |((broken, action, end), name)| {
                let label = format!("{action} {name}");
                let case = Case::new(&stage).await;
                if let Some(broken) = broken {
                    case.plan(broken, Before("Defect"), FOR_EVER);
                }
                case.plan(action, Before(name), FOR_LONG);
                assert_eq!(case.runs().await, end, "{label}");
                case.holds(&label).await;
            })
            .await;
        assert_eq!(stage.pages().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn people_are_called_whenever_limbo_cannot_be_marked_and_once_when_it_can() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let case = Case::new(&stage).await;
        case.plan("release", Before("Defect"), FOR_EVER);
        case.plan("undo_hold", Before("Defect"), FOR_EVER);
        // Two rounds of three tries are in vain.
        case.plan("mark_limbo", Before("Defect"), 6);
        assert_eq!(case.runs().await, Limbo);
        case.holds("marked late").await;
        let id = case.id();
        let pages = stage.pages().await;
        let [unmarked @ .., marked] = &pages[..] else {
            panic!("nobody was called");
        };
        assert_eq!(unmarked.len(), 2, "{pages:?}");
        let names_it = |page: &String| page.contains(&id.to_string()) && page.contains("Defect");
        assert!(unmarked.iter().all(names_it), "{pages:?}");
        assert!(marked.contains(&format!("/v1/operator/settlements/{id}")), "{marked}");
        let sql = "SELECT limbo_cause FROM ledger.settlements WHERE settlement_id = $1";
        let why = stage.superuser.query_one(sql, &[&id]).await.unwrap();
        assert_eq!(why.get::<_, String>(0), "Defect");
    })
    .await;
}

#[tokio::test]
async fn what_nobody_asked_for_fails_at_once() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let case = Case::new(&stage).await;
        for input in [
            json!({"tenant_id": case.settlement.tenant(), "settlement_id": Uuid::new_v4()}),
            json!({"tenant_id": Uuid::new_v4(), "settlement_id": case.id()}),
        ] {
            let settlement: Uuid = input["settlement_id"].as_str().unwrap().parse().unwrap();
            let before = stage.desk.asked(settlement).len();
            let name = Uuid::new_v4().to_string();
            let (short, long) = tokio::join!(stage.begin(&input), stage.resume(&name, &input));
            assert_eq!(stage.ended(&short).await, Failed);
            assert_eq!(stage.ended(&long).await, Failed);
            assert_eq!(stage.desk.asked(settlement).len() - before, 2, "each asks once");
        }
        assert_eq!(case.runs().await, Settled);
        case.holds("untouched").await;
    })
    .await;
}
