//! What the ledger takes for a justification. It cannot tell who signed: those below are signed by nobody.

use domain::justification::{Act, Asker, Justification, Statement};
use time::OffsetDateTime;
use tokio_postgres::types::Json;
use uuid::Uuid;

/// That somebody does this to that, and why; each is another one.
pub fn statement(act: Act, subject: impl ToString, actor: &str, reason: &str) -> Statement {
    let asker = Asker {
        actor: actor.to_owned(),
        request_id: Uuid::new_v4().to_string(),
        at: OffsetDateTime::now_utc(),
    };
    Statement::of(act, subject, reason, &asker)
}

/// A statement as an operator's statement passes it on.
pub fn justified(statement: &Statement) -> Json<Justification> {
    let nobody = || Some("nobody".to_owned());
    Json(Justification::kept(statement.text(), nobody(), nobody()))
}
