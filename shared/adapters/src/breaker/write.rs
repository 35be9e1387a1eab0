//! What [`Change::applied_to`] says of a record, in DynamoDB's words.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::breaker::Ended;
use domain::breaker::change::Change;

use super::item::{number, outcome};

/// One conditional update.
pub(super) struct Write {
    pub update: String,
    pub condition: String,
    pub names: HashMap<String, String>,
    pub values: HashMap<String, AttributeValue>,
}

const NEW_EPOCH: &str = "epoch = epoch + :one";

pub(super) fn of(change: &Change) -> Write {
    let mut write = Write {
        update: String::new(),
        condition: String::new(),
        names: HashMap::new(),
        values: HashMap::new(),
    };
    match change {
        Change::Admit {
            epoch,
            limit,
            owner,
            until_ms,
        } => {
            let mine = write.call(owner);
            write.update = format!("SET {mine} = :until");
            "epoch = :epoch AND size(calls) < :limit".clone_into(&mut write.condition);
            write.value(":until", number(until_ms));
            write.value(":epoch", number(epoch));
            write.value(":limit", number(limit));
        }
        Change::Sweep { dead } => {
            let dead: Vec<_> = dead.iter().map(|owner| write.call(owner)).collect();
            write.update = format!("REMOVE {}", dead.join(", "));
            "attribute_exists(pk)".clone_into(&mut write.condition);
        }
        Change::Count {
            owner,
            ended,
            bucket,
            forget,
        } => {
            let (mine, count) = (write.call(owner), write.outcome(*ended, *bucket));
            let gone = forget
                .iter()
                .flat_map(|past| [Ended::Served, Ended::Failed].map(|kind| (kind, *past)));
            let gone: Vec<_> = gone.map(|(kind, past)| write.outcome(kind, past)).collect();
            let epoch = match ended {
                Ended::Served => String::new(),
                Ended::Failed => format!(", {NEW_EPOCH}"),
            };
            let removed = [&[mine.clone()][..], &gone].concat().join(", ");
            write.update = format!("SET {count} = if_not_exists({count}, :zero) + :one{epoch} REMOVE {removed}");
            write.condition = format!("attribute_exists({mine}) AND attribute_not_exists(open_until)");
            write.value(":zero", number(&0));
            write.value(":one", number(&1));
        }
        Change::Open { epoch, until_ms } => {
            write.update = format!("SET open_until = :until, outcomes = :none, {NEW_EPOCH}");
            "epoch = :epoch".clone_into(&mut write.condition);
            write.value(":until", number(until_ms));
            write.value(":epoch", number(epoch));
            write.anew();
        }
        Change::Close { owner } => {
            let mine = write.call(owner);
            write.update = format!("SET outcomes = :none, {NEW_EPOCH} REMOVE open_until, {mine}");
            write.condition = format!("attribute_exists({mine})");
            write.anew();
        }
        Change::Reopen { owner, until_ms } => {
            let mine = write.call(owner);
            write.update = format!("SET open_until = :until, outcomes = :none, {NEW_EPOCH} REMOVE {mine}");
            write.condition = format!("attribute_exists({mine})");
            write.value(":until", number(until_ms));
            write.anew();
        }
    }
    write
}

impl Write {
    /// The path to a permit.
    fn call(&mut self, owner: &impl ToString) -> String {
        let name = self.name(owner.to_string());
        format!("calls.{name}")
    }

    /// The path to a count.
    fn outcome(&mut self, ended: Ended, bucket: i64) -> String {
        let name = self.name(outcome(ended, bucket));
        format!("outcomes.{name}")
    }

    fn name(&mut self, name: String) -> String {
        let alias = format!("#n{}", self.names.len());
        self.names.insert(alias.clone(), name);
        alias
    }

    fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.insert(name.to_owned(), value);
    }

    fn anew(&mut self) {
        self.value(":none", AttributeValue::M(HashMap::new()));
        self.value(":one", number(&1));
    }
}
