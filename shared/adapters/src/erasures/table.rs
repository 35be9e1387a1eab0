//! The table of erasures. Every write to an erasure that is there is conditional on how far it has come, and lost if
//! somebody else was further.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use domain::answer::timestamp;
use domain::digest::hash::Hash;
use domain::erasure::{Asked, Count, Erasure, Happened, Hold, Status};
use domain::ids::{CustomerId, ErasureId};
use time::OffsetDateTime;

use super::ErasureError;
use super::item::{self, Item, UNFINISHED, text};
use crate::aws;

#[derive(Clone, Debug)]
pub(super) struct Table {
    client: Client,
    name: String,
}

impl Table {
    pub(super) async fn open(name: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            name,
        }
    }

    /// An erasure as it stands.
    pub(super) async fn read(&self, id: ErasureId) -> Result<Option<Erasure>, ErasureError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let read = found.item.map(|found| item::read(id, &found)).transpose();
        read.map_err(|item::Unreadable(name)| ErasureError::Unreadable(name))
    }

    /// Records that it was asked for. `false`: something was, under this id, before.
    pub(super) async fn ask(&self, id: ErasureId, asked: &Asked) -> Result<bool, ErasureError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item::write(id, asked)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        ended(put)
    }

    /// Says that a hold stood against it.
    pub(super) async fn block(&self, id: ErasureId, hold: &Hold) -> Result<bool, ErasureError> {
        self.advance(id, (Status::Asked, Happened::Held), item::write_hold(hold))
            .await
    }

    /// Says that there was nobody.
    pub(super) async fn end_unknown(&self, id: ErasureId) -> Result<bool, ErasureError> {
        self.advance(id, (Status::Asked, Happened::NobodyThere), Vec::new())
            .await
    }

    /// Says that another erasure did it. What came back of it since is still to be removed.
    pub(super) async fn end_repeated(&self, id: ErasureId, of: ErasureId) -> Result<bool, ErasureError> {
        let repeats = vec![("repeats", text(&of))];
        self.advance(id, (Status::Asked, Happened::DoneByAnother), repeats)
            .await
    }

    /// Says that a person's key was destroyed, `at` that time, or that a tenant was marked: to be written in one transaction
    /// with that.
    pub(super) fn noting_destruction(
        &self,
        id: ErasureId,
        at: Option<OffsetDateTime>,
    ) -> Result<TransactWriteItem, ErasureError> {
        let change = Change::destruction(at)?;
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .update_expression(change.update)
            .condition_expression(change.condition)
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(change.values))
            .build()
            .map_err(|_| ErasureError::Unreadable("a request"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The same of what stands in the vault already, and is missing here: this table was restored from a time before.
    pub(super) async fn note_destruction(
        &self,
        id: ErasureId,
        at: Option<OffsetDateTime>,
    ) -> Result<bool, ErasureError> {
        self.carry_out(id, Change::destruction(at)?).await
    }

    /// Says that a tenant's key was destroyed, unless that is said already.
    pub(super) async fn note_secret_destroyed(&self, id: ErasureId, at: OffsetDateTime) -> Result<bool, ErasureError> {
        let mut change = Change::within(Status::Erasing, vec![("erased_at", text(&timestamp(at)))]);
        change.condition.push_str(" AND attribute_not_exists(erased_at)");
        self.carry_out(id, change).await
    }

    /// Says up to which of a tenant's customers all is removed.
    pub(super) async fn swept(&self, id: ErasureId, customer: CustomerId) -> Result<bool, ErasureError> {
        let swept = Change::within(Status::Erasing, vec![("swept", text(&customer))]);
        self.carry_out(id, swept).await
    }

    /// The same of what came back. There is something to do again.
    pub(super) async fn swept_again(&self, id: ErasureId, customer: CustomerId) -> Result<bool, ErasureError> {
        let swept = vec![("swept", text(&customer)), (UNFINISHED, text(&UNFINISHED))];
        self.carry_out(id, Change::within(Status::Repeated, swept)).await
    }

    /// Says that nothing is left of what came back. Carried out once more, it begins anew.
    pub(super) async fn end_repeating(&self, id: ErasureId) -> Result<bool, ErasureError> {
        let mut change = Change::within(Status::Repeated, Vec::new());
        change.update.push_str(" REMOVE unfinished, swept");
        self.carry_out(id, change).await
    }

    /// Says that all is removed.
    pub(super) async fn end_removing(&self, id: ErasureId) -> Result<bool, ErasureError> {
        self.advance(id, (Status::Erasing, Happened::Removed), Vec::new()).await
    }

    /// Says who is counted of those who were erased. Of several at once any may be said last: each is right.
    pub(super) async fn counted(&self, id: ErasureId, count: &Count) -> Result<bool, ErasureError> {
        let counted = Change::within(Status::Erased, item::write_count(count));
        self.carry_out(id, counted).await
    }

    /// Says that there is a certificate.
    pub(super) async fn certify(&self, id: ErasureId, sha256: Hash) -> Result<bool, ErasureError> {
        let certificate = vec![("certificate_sha256", text(&sha256))];
        self.advance(id, (Status::Erased, Happened::Issued), certificate).await
    }

    /// Those that have not ended, and when each last came further: the longest ago first, a thousand at most.
    pub(super) async fn unfinished(&self) -> Result<Vec<(ErasureId, OffsetDateTime)>, ErasureError> {
        let found = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(UNFINISHED)
            .key_condition_expression("unfinished = :unfinished")
            .expression_attribute_values(":unfinished", text(&UNFINISHED))
            .limit(1000)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let read = |found| Ok((item::id(found)?, item::moment(found, "moved_at")?));
        let read: Result<_, item::Unreadable> = found.items().iter().map(read).collect();
        read.map_err(|item::Unreadable(name)| ErasureError::Unreadable(name))
    }

    async fn advance(
        &self,
        id: ErasureId,
        (before, happened): (Status, Happened),
        more: Vec<(&'static str, AttributeValue)>,
    ) -> Result<bool, ErasureError> {
        self.carry_out(id, Change::to_next(before, happened, more)?).await
    }

    async fn carry_out(&self, id: ErasureId, change: Change) -> Result<bool, ErasureError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .update_expression(change.update)
            .condition_expression(change.condition)
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(change.values))
            .send()
            .await;
        ended(updated)
    }
}

/// A change of an erasure that stands as it says.
struct Change {
    update: String,
    condition: String,
    values: Item,
}

impl Change {
    /// It comes further, and stays where it is.
    fn within(status: Status, set: Vec<(&'static str, AttributeValue)>) -> Self {
        let mut values = Item::from([
            (":before".to_owned(), text(&status.as_str())),
            (":moved_at".to_owned(), text(&timestamp(OffsetDateTime::now_utc()))),
        ]);
        let mut update = "SET moved_at = :moved_at".to_owned();
        for (name, value) in set {
            update = format!("{update}, {name} = :{name}");
            values.insert(format!(":{name}"), value);
        }
        Self {
            update,
            condition: "#status = :before".to_owned(),
            values,
        }
    }

    /// The person's key is destroyed, at that time, or the tenant is marked.
    fn destruction(at: Option<OffsetDateTime>) -> Result<Self, ErasureError> {
        let erased_at = at.map(|at| ("erased_at", text(&timestamp(at))));
        Self::to_next(Status::Asked, Happened::KeysDestroyed, erased_at.into_iter().collect())
    }

    fn to_next(
        before: Status,
        happened: Happened,
        set: Vec<(&'static str, AttributeValue)>,
    ) -> Result<Self, ErasureError> {
        let next = before.next(happened)?;
        let mut change = Self::within(before, set);
        change.update.push_str(", #status = :next");
        change.values.insert(":next".to_owned(), text(&next.as_str()));
        // What another has erased may have come back.
        if next.is_final() && next != Status::Repeated {
            change.update.push_str(" REMOVE unfinished");
        }
        Ok(change)
    }
}

/// Whether it was written; `false`: its condition did not hold.
fn ended<T, E, R>(written: Result<T, SdkError<E, R>>) -> Result<bool, ErasureError>
where
    SdkError<E, R>: ProvideErrorMetadata,
    E: ProvideErrorMetadata,
{
    match written {
        Ok(_) => Ok(true),
        Err(error)
            if [
                Some("ConditionalCheckFailedException"),
                Some("TransactionConflictException"),
            ]
            .contains(&ProvideErrorMetadata::code(&error)) =>
        {
            Ok(false)
        }
        Err(error) => Err(unavailable(&error)),
    }
}

fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> ErasureError {
    ErasureError::Unavailable("the erasures", aws::error_name(error))
}
