//! Settlements whose merchant's postings an operator halts: they wait, and go on when that ends.

use domain::settlement::status::Status::{Accepted, Compensated, Settled};
use domain::settlement::step::Step;
use tests::cloud::Cloud;
use tests::patience::until;
use time::OffsetDateTime;

use super::case::Case;
use super::desk::Fault::Before;
use super::stage::Stage;
use crate::ledger::halts::{halting, lifting};
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::Call;

const FOR_EVER: usize = usize::MAX;

#[tokio::test]
async fn a_halted_settlement_waits_in_the_machines_and_goes_on_after_the_lift() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        let (settler, operator) = (scratch.pooled_as("settler").await, scratch.pooled_as("operator").await);
        for (is_undone, end) in [(false, Settled), (true, Compensated)] {
            let case = Case::new(&stage).await;
            let scope = case.settlement.tenant();
            // One has nothing done yet; the other is given up, and has its hold to undo.
            let waiting = if is_undone {
                case.settlement.course(&settler, &[Call::Step(Step::Hold)]).await;
                case.plan("verify", Before("Defect"), FOR_EVER);
                "undo_hold"
            } else {
                "hold"
            };
            let held_at = if is_undone { [600, 400, 0, 0] } else { [1000, 0, 0, 0] };
            let since: OffsetDateTime = halting(&operator, scope).await[0].get("since");
            let short = stage.begin(&case.input()).await;
            stage.ended(&short).await;
            let asked = async || {
                let asked = stage.desk.asked(case.id());
                let times = asked.iter().filter(|action| action.contains(waiting)).count();
                (times >= 3).then_some(())
            };
            until(asked, || {
                format!("{waiting} asked for again and again: {:?}", stage.desk.asked(case.id()))
            })
            .await;
            assert_eq!(case.settlement.balances(&scratch).await, held_at);
            assert!(is_undone || case.status().await == Accepted, "its hold is not posted");
            lifting(&operator, scope, since).await;
            assert_eq!(case.rests().await, end);
            case.holds(waiting).await;
        }
        assert_eq!(
            stage.pages().await,
            [""; 0],
            "nobody is called for what people have decided"
        );
    })
    .await;
}
