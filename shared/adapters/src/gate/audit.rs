//! The gate as reconciliation sees it: every item there is, and the answers of those that nobody completed.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::answer::Answer;
use domain::fingerprint::Fingerprint;
use domain::gate::{GateKey, Status};
use domain::ids::Owner;
use domain::reconciliation::gate::Item;

use super::item::{self, number, string, text};
use super::table::{self, Changes, Table};
use super::{GateError, Written};

/// How many items are read at a time: about as many as fit into the megabyte that one answer may have.
const PAGE: i32 = 500;

/// What an item is made of; whatever else somebody has put there is not asked for.
const ATTRIBUTES: &str = "pk, sk, #status, #owner, lease_until, attempt, fingerprint, expires_at, \
                          response_status, response_type, response_body";

/// One part of the table: parts are disjoint, and together they are all of it.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// From 0.
    pub number: i32,
    /// How many there are.
    pub of: i32,
}

/// Where the next page of a segment begins.
#[derive(Clone, Debug)]
pub struct Position(HashMap<String, AttributeValue>);

/// Some of the items of a segment.
#[derive(Debug)]
pub struct Page {
    /// In no order.
    pub items: Vec<Found>,
    /// `None`: the segment ends here.
    pub next: Option<Position>,
}

/// One item as it was found.
#[derive(Debug)]
pub enum Found {
    /// It reads.
    Item(Item),
    /// It does not, or no claim would look for it where it lies.
    Unreadable {
        /// Its partition and sort key, as they stand.
        place: String,
        /// What cannot be read.
        why: &'static str,
    },
}

/// The gate's table, with time to read all of it.
#[derive(Clone, Debug)]
pub struct GateAudit {
    table: Table,
}

impl GateAudit {
    /// Of the table of this name. Does not connect yet.
    pub async fn open(table: String) -> Self {
        let timeouts = crate::aws::attempts_of(Duration::from_secs(10));
        let sdk = crate::aws::reach(timeouts, RetryConfig::standard()).await;
        let client = Client::new(&sdk);
        Self {
            table: Table { client, name: table },
        }
    }

    /// A page of a segment, as it stands now. What is there from the first page of all segments to the last is met once;
    /// what comes or goes meanwhile, perhaps.
    ///
    /// # Errors
    /// [`GateError::Unknown`]
    pub async fn page(&self, segment: Segment, after: Option<Position>) -> Result<Page, GateError> {
        let page = self
            .table
            .client
            .scan()
            .table_name(&self.table.name)
            .segment(segment.number)
            .total_segments(segment.of)
            .consistent_read(true)
            .projection_expression(ATTRIBUTES)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .limit(PAGE)
            .set_exclusive_start_key(after.map(|position| position.0))
            .send()
            .await
            .map_err(|error| GateError::Unknown(DisplayErrorContext(&error).to_string()))?;
        Ok(Page {
            items: page.items().iter().map(found).collect(),
            next: page
                .last_evaluated_key
                .filter(|position| !position.is_empty())
                .map(Position),
        })
    }

    /// Completes an item whose owner died after the posting, with the ledger's answer, unless anything has happened to it
    /// since it was read. `me` is minted for this repair and becomes its owner: a zombie that comes late finds another's.
    ///
    /// # Errors
    /// [`GateError`]: it may be repaired; to try again does no harm.
    pub async fn repair(
        &self,
        item: &Item,
        me: Owner,
        decided: Fingerprint,
        answer: &Answer,
    ) -> Result<Written, GateError> {
        let read = &item.record;
        let mut values = table::completion(me, decided, answer);
        values.extend([
            (":dead", text(&read.owner)),
            (":dead_attempt", number(&read.attempt)),
            (":dead_status", text(&read.status.as_str())),
            (":dead_lease", number(&read.lease_until_ms)),
        ]);
        let changes = Changes {
            expression: table::REPAIR,
            condition: "#owner = :dead AND attempt = :dead_attempt AND #status = :dead_status \
                        AND lease_until = :dead_lease AND attribute_not_exists(response_body)",
            values,
        };
        self.table
            .update((item.tenant, item.key), me, changes, Status::Complete)
            .await
    }
}

fn found(attributes: &HashMap<String, AttributeValue>) -> Found {
    match read(attributes) {
        Ok(item) => Found::Item(item),
        Err(why) => {
            let part = |name| string(attributes, name).unwrap_or("?");
            Found::Unreadable {
                place: format!("{} {}", part("pk"), part("sk")),
                why,
            }
        }
    }
}

fn read(attributes: &HashMap<String, AttributeValue>) -> Result<Item, &'static str> {
    let by_name = |error| match error {
        GateError::Unreadable(name) => name,
        GateError::Unknown(_) => "all of it",
    };
    let (pk, sk) = (string(attributes, "pk"), string(attributes, "sk"));
    let (pk, sk) = (pk.map_err(by_name)?, sk.map_err(by_name)?);
    let (tenant, key) = GateKey::read(pk, sk).map_err(|_| "its place")?;
    let record = item::read(attributes).map_err(by_name)?;
    Ok(Item { tenant, key, record })
}
