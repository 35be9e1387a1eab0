//! A provider's file was put into the bucket: what it says is compared to the ledger, and the file is taken with all that
//! differs. In whole and once, however often it comes.

mod refused;
mod rows;

use adapters::delivery::{Batch, Failures, Object};
use adapters::ledger::Ledger;
use adapters::ledger::statements::{File, Taken};
use adapters::metrics::{self, Unit};
use adapters::statement_files::StatementFiles;
use domain::statement::file::Lines;
use domain::statement::mapping::Mapping;
use domain::statement::matching::Matching;
use domain::statement::name::StatementName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use refused::Refused;

/// The most bytes of a mapping.
const MAPPING_BYTES: usize = 64 * 1024;
/// A file that differs in more than this is the wrong file, or its mapping is: nobody could look into so many.
const MOST_BREAKS: usize = 10_000;
/// How often a file is compared anew because another one of its provider was faster.
const ROUNDS: usize = 5;

/// What the function works with.
#[derive(Debug)]
pub struct Matcher {
    /// What files are compared to, and taken into.
    pub ledger: Ledger,
    /// Where they are.
    pub files: StatementFiles,
}

/// What the function is called with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Call {
    /// By the queue: of objects that were put.
    Queue(Batch),
    /// By hand: of one that lies there.
    Hand(Wanted),
}

/// An object that is wanted to be compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its bucket, which must be ours.
    bucket: String,
    /// Its key.
    key: String,
}

/// What came of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The number it was taken under.
    pub statement: i64,
    /// `taken`, or `repeated`: it was before, and nothing changed.
    pub outcome: &'static str,
    /// Lines that say what the ledger says.
    pub matched: usize,
    /// Breaks that it opened.
    pub opened: i32,
    /// Breaks of earlier files that it resolved.
    pub resolved: i32,
    /// Lines that the mapping does not compare.
    pub other: i32,
}

impl Matcher {
    /// Takes the files; answers the queue with the messages to bring again, and people with the [`Outcome`].
    ///
    /// # Errors
    /// [`Refused`], when called by hand.
    pub async fn handle(&self, call: Call) -> Result<Value, Refused> {
        match call {
            Call::Queue(batch) => {
                let mut again = Vec::new();
                for message in &batch.messages {
                    let taken = match message.object() {
                        Ok(object) => self.take(&object).await,
                        Err(error) => Err(error.into()),
                    };
                    if taken.is_err() {
                        again.push(message.message_id.clone());
                    }
                }
                let again: Failures = again.into_iter().collect();
                Ok(serde_json::to_value(again)?)
            }
            Call::Hand(Wanted { bucket, key }) => Ok(serde_json::to_value(self.take(&Object { bucket, key }).await?)?),
        }
    }

    /// Takes a file; logs and counts what came of it.
    async fn take(&self, object: &Object) -> Result<Outcome, Refused> {
        let taken = self.taken(object).await;
        match &taken {
            Ok(outcome) => {
                tracing::info!(
                    statement.object = object.key,
                    statement.id = outcome.statement,
                    statement.outcome = outcome.outcome,
                    statement.matched = outcome.matched,
                    statement.opened = outcome.opened,
                    statement.resolved = outcome.resolved,
                    "a statement was compared"
                );
                metrics::emit(&[
                    (
                        "StatementLinesMatched",
                        Unit::Count,
                        i64::try_from(outcome.matched).unwrap_or(i64::MAX),
                    ),
                    ("StatementBreaksOpened", Unit::Count, outcome.opened.into()),
                    ("StatementBreaksResolved", Unit::Count, outcome.resolved.into()),
                ]);
            }
            Err(refused) => {
                tracing::error!(statement.object = object.key, error = %refused, "a statement was not taken");
                metrics::emit(&[("StatementsRefused", Unit::Count, 1)]);
            }
        }
        taken
    }

    async fn taken(&self, object: &Object) -> Result<Outcome, Refused> {
        if object.bucket != self.files.bucket() {
            return Err(Refused::Elsewhere);
        }
        let name: StatementName = object.key.parse()?;
        let mapping = self.files.get(&name.provider.mapping_key(), MAPPING_BYTES).await;
        let mapping = Mapping::parse(&mapping.map_err(Refused::NoMapping)?)?;
        if mapping.provider != name.provider {
            return Err(Refused::OtherProvider);
        }
        let bytes = self.files.get(&object.key, Lines::MOST_BYTES).await?;
        let lines = Lines::read(&bytes, &mapping, name.period)?;
        let file = File {
            provider: &name.provider,
            object: &object.key,
            sha256: Sha256::digest(&bytes).into(),
            from: name.period.from(mapping.utc_offset),
            to: name.period.to(mapping.utc_offset),
            every_days: mapping.every_days,
            other: lines.other,
        };
        drop(bytes);
        for _ in 0..ROUNDS {
            if let Some(outcome) = self.round(&file, &lines, &mapping).await? {
                return Ok(outcome);
            }
        }
        Err(Refused::Overtaken)
    }

    /// Compares a file to the ledger as it is now, and takes it. `None`: another file of its provider was faster, so that
    /// what was compared may not hold any more.
    async fn round(&self, file: &File<'_>, lines: &Lines, mapping: &Mapping) -> Result<Option<Outcome>, Refused> {
        let outcome = |statement, outcome| Outcome {
            statement,
            outcome,
            matched: 0,
            opened: 0,
            resolved: 0,
            other: lines.other,
        };
        let standing = self.ledger.statement_standing(file).await?;
        if let Some(statement) = standing.taken {
            return Ok(Some(outcome(statement, "repeated")));
        }
        let rows = rows::of(&self.ledger, file, lines, &mapping.covers).await?;
        let matching = Matching::of(&lines.compared, &rows);
        if matching.breaks.len() > MOST_BREAKS {
            return Err(Refused::TooManyBreaks(matching.breaks.len()));
        }
        Ok(
            match self.ledger.take_statement(file, standing.newest, &matching).await? {
                Taken::Taken {
                    statement,
                    opened,
                    resolved,
                } => Some(Outcome {
                    matched: matching.matches.len(),
                    opened,
                    resolved,
                    ..outcome(statement, "taken")
                }),
                Taken::Repeated(statement) => Some(outcome(statement, "repeated")),
                Taken::Overtaken => None,
            },
        )
    }
}
