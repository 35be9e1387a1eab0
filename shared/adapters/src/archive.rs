//! The archive: events as they came, one JSON document a line, by the day on which they happened.

use sha2::{Digest, Sha256};
use time::Date;

use crate::bucket::{Bucket, BucketError};

/// The archive's bucket.
#[derive(Clone, Debug)]
pub struct Archive(Bucket);

impl Archive {
    /// The archive in this bucket.
    pub async fn open(bucket: String) -> Self {
        Self(Bucket::open(bucket).await)
    }

    /// Adds an object.
    ///
    /// # Errors
    /// [`BucketError`]: it may have been added; adding it again changes nothing.
    pub async fn put(&self, object: &Object) -> Result<(), BucketError> {
        self.0
            .put(&object.key, "application/x-ndjson", object.body.clone())
            .await
    }
}

/// Some events of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `events/date=YYYY-MM-DD/<hash>.ndjson`
    pub key: String,
    /// Each event's JSON, and a line feed.
    pub body: Vec<u8>,
}

impl Object {
    /// Named after its content: the same events make the same object in whatever order, and a repeat overwrites itself
    /// and nothing else.
    ///
    /// `events` are JSON documents. Line breaks between their tokens become spaces; there are none within.
    #[must_use]
    pub fn of(date: Date, events: &[&str]) -> Self {
        let mut lines: Vec<String> = events.iter().map(|event| event.replace(['\r', '\n'], " ")).collect();
        lines.sort_unstable();
        let body: String = lines.into_iter().map(|line| line + "\n").collect();
        let hash = Sha256::digest(&body);
        let name = u128::from_be_bytes(std::array::from_fn(|index| hash[index]));
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        Self {
            key: format!("events/date={year:04}-{month:02}-{day:02}/{name:032x}.ndjson"),
            body: body.into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn an_object_holds_one_line_per_event_and_is_named_after_them() {
        let object = Object::of(date!(2026 - 02 - 03), &["{\"b\":\n 1}", "{\"a\":1}"]);
        assert_eq!(object.body, b"{\"a\":1}\n{\"b\":  1}\n");
        assert_eq!(
            object.key,
            "events/date=2026-02-03/708d631600f977a693768062fa92ef0b.ndjson"
        );
        assert_eq!(
            object,
            Object::of(date!(2026 - 02 - 03), &["{\"a\":1}", "{\"b\":\n 1}"])
        );
        assert_ne!(object.key, Object::of(date!(2026 - 02 - 03), &["{\"a\":1}"]).key);
    }
}
