//! The gate's table, and a conditional write to it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::answer::Answer;
use domain::fingerprint::Fingerprint;
use domain::gate::{GateKey, Status};
use domain::ids::{ClientKey, Owner, TenantId};

use super::item::{self, blob, number, text};
use super::{GateError, Written};

/// The table by its name.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Table {
    /// Makes the changes; `to` is the status they leave. A record of `me` in that status is this write, landed before.
    pub(super) async fn update(
        &self,
        (tenant, key): (TenantId, ClientKey),
        me: Owner,
        changes: Changes,
        to: Status,
    ) -> Result<Written, GateError> {
        let values = changes
            .values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        let ended = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&GateKey::partition(tenant, key)))
            .key("sk", text(&GateKey::sort(key)))
            .update_expression(changes.expression)
            .condition_expression(changes.condition)
            .set_expression_attribute_names(Some(names(&changes)))
            .set_expression_attribute_values(Some(values.collect()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let written = written(ended, |error| {
            if let UpdateItemError::ConditionalCheckFailedException(failed) = error {
                Some(failed)
            } else {
                None
            }
        })?;
        Ok(match written {
            Written::Lost(Some(record)) if record.owner == me && record.status == to => Written::Done,
            Written::Done | Written::Lost(_) => written,
        })
    }
}

/// One conditional update.
pub(super) struct Changes {
    pub(super) expression: &'static str,
    pub(super) condition: &'static str,
    pub(super) values: Values,
}

type Values = Vec<(&'static str, AttributeValue)>;

/// Stores an answer and the request it is of.
macro_rules! completion {
    ($also:literal) => {
        concat!(
            $also,
            "#status = :complete, fingerprint = :fingerprint, response_status = :code, response_type = :type, \
             response_body = :body"
        )
    };
}

/// What the owner of a claim does.
pub(super) const COMPLETION: &str = completion!("SET ");

/// What a repair does: it becomes the owner besides.
pub(super) const REPAIR: &str = completion!("SET #owner = :me, ");

/// The values of both.
pub(super) fn completion(me: Owner, decided: Fingerprint, answer: &Answer) -> Values {
    vec![
        (":complete", text(&Status::Complete.as_str())),
        (":me", text(&me)),
        (":fingerprint", blob(decided.as_bytes())),
        (":code", number(&answer.status)),
        (":type", text(&answer.content_type)),
        (":body", blob(&answer.body)),
    ]
}

/// `owner` and `status` are reserved words of DynamoDB; a name that is declared and not used is refused.
fn names(changes: &Changes) -> HashMap<String, String> {
    [("#status", "status"), ("#owner", "owner")]
        .into_iter()
        .filter(|(alias, _)| changes.expression.contains(alias) || changes.condition.contains(alias))
        .map(|(alias, name)| (alias.to_owned(), name.to_owned()))
        .collect()
}

/// Tells the three ends of a conditional write apart. `condition` picks the failed condition out of the service's errors;
/// any other error, the service's or not, leaves it open whether the write landed.
pub(super) fn written<Output, Refused>(
    ended: Result<Output, SdkError<Refused>>,
    condition: impl FnOnce(&Refused) -> Option<&ConditionalCheckFailedException>,
) -> Result<Written, GateError>
where
    Refused: std::error::Error + 'static,
{
    let Err(error) = ended else {
        return Ok(Written::Done);
    };
    match error.as_service_error().and_then(condition) {
        Some(failed) => Ok(Written::Lost(failed.item().map(item::read).transpose()?)),
        None => Err(GateError::Unknown(DisplayErrorContext(&error).to_string())),
    }
}
