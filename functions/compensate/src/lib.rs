//! The tasks that take a settlement back, and those of its limbo: `{"do": "burn" | "undo_collect_fee" | "undo_release"
//! | "undo_hold" | "resolve_release" | "resolve_fee" | "mark_limbo"}`, and with the last the `"cause"` of it.
//!
//! Each is one commit of the ledger, which undoes only what stands, and only when nothing can come after it any more.

use std::fmt;
use std::time::SystemTime;

use adapters::ledger::Ledger;
use adapters::task::{self, Failed, Reached, Task};
use domain::settlement::course::{Course, Limbo};
use domain::settlement::step::{Resolution, Undo, UnknownAction};
use serde::Deserialize;
use serde_json::Value;

/// The name of a cause that has none of its own.
const UNNAMED: &str = "Unnamed";
/// Longer than the name of any error.
const MAX_NAME: usize = 80;

/// The members that are this function's own.
#[derive(Debug, Deserialize)]
struct Own {
    #[serde(rename = "do")]
    action: Do,
    /// The name of the error that kept coming.
    #[serde(default)]
    cause: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Do {
    Burn,
    Undo(Undo),
    Resolve(Resolution),
    MarkLimbo,
}

/// Answers where the settlement goes next ([`task`]), before `deadline`.
///
/// # Errors
/// [`Failed`]
pub async fn handle(ledger: &Ledger, event: &Value, deadline: SystemTime) -> Result<Value, Failed> {
    task::perform(
        event,
        deadline,
        |own: &Own| own.action.to_string(),
        async |task| carry_out(ledger, task).await,
    )
    .await
}

async fn carry_out(ledger: &Ledger, task: &Task<Own>) -> Result<Reached, Failed> {
    let (tenant, settlement) = (task.tenant, task.settlement);
    let answer = match task.own.action {
        Do::Burn => ledger.burn_steps(tenant, settlement).await?,
        Do::Undo(undo) => ledger.undo_step(tenant, settlement, undo).await?,
        Do::Resolve(resolution) => ledger.resolve_step(tenant, settlement, resolution).await?,
        Do::MarkLimbo => ledger.mark_limbo(tenant, settlement, task.own.cause()).await?,
    };
    let reached = task.reached(ledger, &answer).await?;
    // What was decided is not carried out by whoever has just failed at it: people look first.
    if task.own.action == Do::MarkLimbo && answer.limbo != Limbo::No {
        return Ok(Reached {
            next: Course::AwaitDecision,
            ..reached
        });
    }
    Ok(reached)
}

impl Own {
    /// What the machine says is text of others', and goes where people and logs see it: a name, or nothing.
    fn cause(&self) -> &str {
        let is_name = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !self.cause.is_empty() && self.cause.len() <= MAX_NAME && is_name(&self.cause) {
            &self.cause
        } else {
            UNNAMED
        }
    }
}

impl TryFrom<String> for Do {
    type Error = UnknownAction;

    fn try_from(name: String) -> Result<Self, UnknownAction> {
        match name.as_str() {
            "burn" => Ok(Self::Burn),
            "mark_limbo" => Ok(Self::MarkLimbo),
            action => {
                let undo = action.parse().map(Self::Undo);
                undo.or_else(|_: UnknownAction| action.parse().map(Self::Resolve))
            }
        }
    }
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burn => f.write_str("burn"),
            Self::Undo(undo) => undo.fmt(f),
            Self::Resolve(resolution) => resolution.fmt(f),
            Self::MarkLimbo => f.write_str("mark_limbo"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own(event: Value) -> Own {
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn it_is_asked_for_everything_but_steps() {
        for name in [
            "burn",
            "undo_collect_fee",
            "undo_release",
            "undo_hold",
            "resolve_release",
            "resolve_fee",
            "mark_limbo",
        ] {
            assert_eq!(own(json!({"do": name})).action.to_string(), name);
        }
        for name in ["", "hold", "undo_verify", "look", "Burn"] {
            assert!(serde_json::from_value::<Own>(json!({"do": name})).is_err(), "{name}");
        }
    }

    #[test]
    fn a_cause_is_a_name() {
        for name in ["Defect", "States.Timeout", "Sandbox.Timedout"] {
            assert_eq!(own(json!({"do": "mark_limbo", "cause": name})).cause(), name);
        }
        for text in ["", "a message", "card 4111", "é", &"x".repeat(81)] {
            assert_eq!(own(json!({"do": "mark_limbo", "cause": text})).cause(), "Unnamed");
        }
        assert_eq!(own(json!({"do": "mark_limbo"})).cause(), "Unnamed");
    }
}
