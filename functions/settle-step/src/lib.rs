//! The tasks that take a settlement forward: `{"do": "look" | "hold" | "verify" | "release" | "collect_fee" | "park"}`.
//!
//! Each ends in one commit of the ledger, which judges whether it is its turn. Whatever happens around it - the process
//! dies right after, the task runs twice, or when its execution has long gone on - asking again finds what stands.

use std::fmt;
use std::time::SystemTime;

use adapters::kyc::Kyc;
use adapters::ledger::Ledger;
use adapters::task::{self, Failed, Reached, Task};
use domain::ids::LedgerKey;
use domain::kyc::{Unavailable, Verdict, Verification};
use domain::settlement::course::Course;
use domain::settlement::failure::StepFailure;
use domain::settlement::step::{Action, Step, UnknownAction};
use serde::Deserialize;
use serde_json::Value;

/// How long to leave a provider alone that was not asked: about as long as its breaker stays open.
const BREAKER_SECONDS: i64 = 30;
/// How long to leave people alone that the provider has asked to review: less than its execution waits to be woken, or
/// the message would only be found dead.
const REVIEW_SECONDS: i64 = 540;

/// What a task reaches.
#[derive(Debug)]
pub struct Steps<K> {
    /// Where the settlement is.
    pub ledger: Ledger,
    /// Who knows the merchants.
    pub kyc: K,
}

/// The members that are this function's own.
#[derive(Debug, Deserialize)]
struct Own {
    #[serde(rename = "do")]
    action: Do,
    /// How long to park. Of `verify`'s answer; the machine passes it on.
    #[serde(default)]
    wait_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Do {
    Look,
    Step(Step),
    Park,
}

/// Answers where the settlement goes next ([`task`]), before `deadline`.
///
/// # Errors
/// [`Failed`]; `KycUnavailable` if the provider was asked and gave no answer that counts.
pub async fn handle<K: Kyc + Sync>(steps: &Steps<K>, event: &Value, deadline: SystemTime) -> Result<Value, Failed> {
    task::perform(
        event,
        deadline,
        |own: &Own| own.action.to_string(),
        async |task| carry_out(steps, task).await,
    )
    .await
}

async fn carry_out<K: Kyc + Sync>(steps: &Steps<K>, task: &Task<Own>) -> Result<Reached, Failed> {
    let ledger = &steps.ledger;
    match task.own.action {
        Do::Look => Ok(Reached::by_look(&task.look(ledger).await?)),
        Do::Step(Step::Verify) => verify(steps, task).await,
        Do::Step(step @ (Step::Hold | Step::Release | Step::CollectFee)) => {
            let answer = ledger.settle_step(task.tenant, task.settlement, step).await?;
            task.reached(ledger, &answer).await
        }
        Do::Park => {
            let answer = ledger.park(task.tenant, task.settlement).await?;
            let reached = task.reached(ledger, &answer).await?;
            if reached.next == Course::Act(Step::Verify.into()) {
                let wait_seconds = task.own.wait_seconds.clamp(BREAKER_SECONDS, REVIEW_SECONDS);
                Ok(Reached {
                    next: Course::Park,
                    wait_seconds,
                    ..reached
                })
            } else {
                // Another execution has gone on with it.
                Ok(reached)
            }
        }
    }
}

/// Asks the provider, if that is what comes next, and records its answer. Dying in between loses the answer and not the
/// question: it is asked again under the same reference, and whatever is recorded first stands.
async fn verify<K: Kyc + Sync>(steps: &Steps<K>, task: &Task<Own>) -> Result<Reached, Failed> {
    let settlement = task.look(&steps.ledger).await?;
    let looked = Reached::by_look(&settlement);
    let verify = Action::from(Step::Verify);
    if looked.next != Course::Act(verify) {
        return Ok(looked);
    }
    let question = Verification {
        reference: LedgerKey::of_action(task.tenant, task.settlement, verify),
        tenant: task.tenant,
        account: settlement.merchant,
    };
    // Boxed: a future of TLS, HTTP and the breaker's table in one is more than the compiler lays out.
    let verdict = Box::pin(steps.kyc.verify(&question)).await;
    let is_approved = match verdict {
        Verdict::Approved => true,
        Verdict::Rejected => false,
        Verdict::NeedsReview => return Ok(parked(verdict, REVIEW_SECONDS)),
        Verdict::Unavailable(Unavailable::BreakerOpen | Unavailable::Busy | Unavailable::BreakerUnreachable) => {
            return Ok(parked(verdict, BREAKER_SECONDS));
        }
        Verdict::Unavailable(
            Unavailable::Unreachable
            | Unavailable::TimedOut
            | Unavailable::Lost
            | Unavailable::Status(_)
            | Unavailable::MediaType
            | Unavailable::TooLong
            | Unavailable::Malformed
            | Unavailable::OtherReference
            | Unavailable::UnknownVerdict,
        ) => return Err(Failed::new(StepFailure::KycUnavailable, &verdict)),
    };
    let recorded = steps
        .ledger
        .record_verification(task.tenant, task.settlement, is_approved);
    task.reached(&steps.ledger, &recorded.await?).await
}

fn parked(verdict: Verdict, wait_seconds: i64) -> Reached {
    Reached {
        wait_seconds,
        ..Reached::new(verdict.to_string(), Course::Park)
    }
}

impl TryFrom<String> for Do {
    type Error = UnknownAction;

    fn try_from(name: String) -> Result<Self, UnknownAction> {
        match name.as_str() {
            "look" => Ok(Self::Look),
            "park" => Ok(Self::Park),
            step => step.parse().map(Self::Step),
        }
    }
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Look => f.write_str("look"),
            Self::Step(step) => step.fmt(f),
            Self::Park => f.write_str("park"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_asked_for_steps_and_looks() {
        for name in ["look", "hold", "verify", "release", "collect_fee", "park"] {
            let own: Own = serde_json::from_value(json!({"do": name})).unwrap();
            assert_eq!(own.action.to_string(), name);
        }
        for name in ["", "undo_hold", "burn", "Hold"] {
            assert!(serde_json::from_value::<Own>(json!({"do": name})).is_err(), "{name}");
        }
    }
}
