//! Every action, with every fault, once and for ever: each settlement ends settled, compensated or in limbo, with every
//! amount in its place.

use domain::settlement::status::Status::{self, Compensated, Limbo, Settled};
use futures_util::{StreamExt, stream};
use tests::cloud::Cloud;

use super::case::Case;
use super::desk::Fault::{self, After, Before, Late, Silence, Soon, Twice, Unknown};
use super::stage::Stage;
use crate::ledger::scratch::in_scratch_database;

const FOR_EVER: usize = usize::MAX;
/// Settlements under way at once: as many as two processors carry through in their time.
const SIDE_BY_SIDE: usize = 24;

const FAULTS: [Fault; 7] = [Before("Defect"), After, Unknown, Silence, Twice, Soon, Late];

/// What is broken for good, so that the action in question comes at all.
const GOING_BACK: &[&str] = &["collect_fee"];
const TO_LIMBO: &[&str] = &["collect_fee", "undo_hold"];

/// One settlement of the matrix: what goes wrong with it, and how it has to end.
#[derive(Clone, Debug)]
struct Cell {
    broken: &'static [&'static str],
    action: &'static str,
    fault: Fault,
    times: usize,
    end: Status,
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut add = |broken, action, fault: &Fault, times, end| {
        let fault = fault.clone();
        cells.push(Cell {
            broken,
            action,
            fault,
            times,
            end,
        });
    };
    for fault in &FAULTS {
        // Failed and not done, however often it is tried. What fails and is done in the end, the next look finds.
        let never_done = matches!(fault, Before(_) | Late);
        for action in ["hold", "verify", "release", "collect_fee"] {
            add(&[], action, fault, 1, Settled);
            add(
                &[],
                action,
                fault,
                FOR_EVER,
                if never_done { Compensated } else { Settled },
            );
        }
        add(&[], "look", fault, 1, Settled);
        // By that name the undoing itself fails. What only ends in silence or in a crash, the next look finds done.
        let is_refused = matches!(fault, Before(_) | Soon | Late);
        for (action, for_ever) in [
            ("burn", if is_refused { Limbo } else { Compensated }),
            ("undo_release", if is_refused { Limbo } else { Compensated }),
            // The last: if it is done, nothing stands that people could decide about.
            ("undo_hold", if never_done { Limbo } else { Compensated }),
        ] {
            add(GOING_BACK, action, fault, 1, Compensated);
            add(GOING_BACK, action, fault, FOR_EVER, for_ever);
        }
        add(GOING_BACK, "look", fault, 1, Compensated);
        for action in ["mark_limbo", "await_decision"] {
            add(TO_LIMBO, action, fault, 1, Limbo);
        }
    }
    cells
}

#[tokio::test]
async fn whatever_goes_wrong_the_money_is_where_the_status_says() {
    in_scratch_database(async |scratch: Cloud| {
        let stage = Stage::new(&scratch).await;
        all_end_as_they_should(&stage, cells()).await;
    })
    .await;
}

/// The machine goes on after its own time-out, and the function that it no longer waits for is alive.
#[tokio::test]
async fn a_task_that_the_machine_gives_up_may_have_done_its_work() {
    const LONGER_THAN_A_TASK: u32 = 60;
    let silent = cells()
        .into_iter()
        .filter(|cell| cell.fault == Silence && cell.times == 1 && cell.action != "await_decision");
    let silent: Vec<_> = silent.collect();
    in_scratch_database(async move |scratch: Cloud| {
        let stage = Stage::of_functions_with(LONGER_THAN_A_TASK, &scratch).await;
        all_end_as_they_should(&stage, silent).await;
    })
    .await;
}

async fn all_end_as_they_should(stage: &Stage, cells: Vec<Cell>) {
    stream::iter(cells)
        .for_each_concurrent(SIDE_BY_SIDE, async |cell| {
            let label = format!("{cell:?}");
            let case = Case::new(stage).await;
            for broken in cell.broken {
                case.plan(broken, Before("Defect"), FOR_EVER);
            }
            case.plan(cell.action, cell.fault, cell.times);
            assert_eq!(
                case.runs().await,
                cell.end,
                "{label}: {:?}",
                stage.desk.asked(case.id())
            );
            case.holds(&label).await;
        })
        .await;
}
