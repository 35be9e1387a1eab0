//! What other systems are told, and the id they know it by.
//!
//! **Invariant:** a row of the outbox gives the same event for ever, under the same id, however often it is published.
//! So whoever has seen an id may throw the event away.
//!
//! An event holds ids, minor units and a time, and nothing that a person could be known by: no description, metadata or
//! card token. A member may be added under the same version; whatever else changes is a version of its own.
//!
//! The types below are also what `events/schemas` is generated from (`make schemas`).

#![allow(
    clippy::disallowed_types,
    reason = "serde's derived code names floats: a flattened member could be one"
)]

#[cfg(test)]
mod schemas;
mod subject;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

pub use self::subject::{Deposit, Payment, Refund, Reversal, Settlement, Subject};
use crate::answer::timestamp;
use crate::canonical::Canonical;
pub use crate::ids::EventId;
use crate::ids::{AccountId, LedgerKey, TenantId};
use crate::money::{Amount, Currency};

/// What kinds of event there are, with their version: `detail-type` on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A payment was posted.
    PaymentPosted,
    /// A deposit was posted.
    DepositPosted,
    /// A part of a payment, or all of it, went back.
    RefundPosted,
    /// A payment was undone.
    ReversalPosted,
    /// A settlement was accepted.
    SettlementRequested,
    /// A settlement stopped: people decide.
    SettlementLimbo,
    /// A settlement ended with the money at the merchant.
    SettlementSettled,
    /// A settlement ended with the money at the buyer.
    SettlementCompensated,
}

/// A type of event that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown event type {0:?}")]
pub struct UnknownEventType(String);

impl EventType {
    /// Every type there is.
    pub const ALL: [Self; 8] = [
        Self::PaymentPosted,
        Self::DepositPosted,
        Self::RefundPosted,
        Self::ReversalPosted,
        Self::SettlementRequested,
        Self::SettlementLimbo,
        Self::SettlementSettled,
        Self::SettlementCompensated,
    ];

    /// The name on the bus and in the outbox. [`Subject`] repeats it for serde.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentPosted => "payment.posted.v1",
            Self::DepositPosted => "deposit.posted.v1",
            Self::RefundPosted => "refund.posted.v1",
            Self::ReversalPosted => "reversal.posted.v1",
            Self::SettlementRequested => "settlement.requested.v1",
            Self::SettlementLimbo => "settlement.limbo.v1",
            Self::SettlementSettled => "settlement.settled.v1",
            Self::SettlementCompensated => "settlement.compensated.v1",
        }
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(name: &str) -> Result<Self, UnknownEventType> {
        let known = Self::ALL.into_iter().find(|event_type| event_type.as_str() == name);
        known.ok_or_else(|| UnknownEventType(name.to_owned()))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EventId {
    /// 48 bits of the ledger key's place, then 74 bits of hash, around the version and variant of a `UUIDv8`.
    #[must_use]
    pub fn of(ledger_key: LedgerKey, sequence: u32) -> Self {
        let mut bytes = Canonical::tagged("onceledger/event/1")
            .uuid(ledger_key.uuid())
            .integer(sequence.into())
            .half();
        bytes[..6].copy_from_slice(&ledger_key.uuid().as_bytes()[..6]);
        Self::from(Uuid::new_v8(bytes))
    }
}

/// A row of the outbox with the intent it announces: all that its event is rendered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Whose intent it is.
    pub tenant: TenantId,
    /// The intent's key, and its public id.
    pub ledger_key: LedgerKey,
    /// 1, 2, 3 … within the intent, in the order in which it happened.
    pub sequence: u32,
    /// What happened.
    pub event_type: EventType,
    /// The account debited.
    pub source: AccountId,
    /// The account credited.
    pub destination: AccountId,
    /// How much moved.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// What the platform takes of a settlement, in minor units; 0 of anything else.
    pub fee: i64,
    /// The payment that a refund or a reversal corrects; of anything else its own id.
    pub payment: LedgerKey,
    /// When the ledger recorded it, by the database's clock.
    pub occurred_at: OffsetDateTime,
}

/// An event of Onceledger: the `detail` of what the bus delivers.
///
/// At least once, in no order. Deduplicate by `event_id`; order by `sequence` within a payment, deposit, refund, reversal or
/// settlement, by nothing else. Ignore members that are not listed here: they may be added under the same version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// The same at every delivery, and no other event's.
    #[serde(rename = "event_id")]
    id: EventId,
    /// The merchant it belongs to.
    #[serde(rename = "tenant_id")]
    tenant: TenantId,
    /// 1, 2, 3 … within the payment, deposit or settlement, in the order in which it happened.
    #[cfg_attr(test, schemars(range(min = 1)))]
    sequence: u32,
    /// When the ledger recorded it: RFC 3339 in UTC with six decimals.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    occurred_at: OffsetDateTime,
    #[serde(flatten)]
    subject: Subject,
}

impl Event {
    /// `source` on the bus.
    pub const SOURCE: &str = "onceledger";

    /// The id to deduplicate by.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// `detail-type` on the bus.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        match self.subject {
            Subject::PaymentPosted { .. } => EventType::PaymentPosted,
            Subject::DepositPosted { .. } => EventType::DepositPosted,
            Subject::RefundPosted { .. } => EventType::RefundPosted,
            Subject::ReversalPosted { .. } => EventType::ReversalPosted,
            Subject::SettlementRequested { .. } => EventType::SettlementRequested,
            Subject::SettlementLimbo { .. } => EventType::SettlementLimbo,
            Subject::SettlementSettled { .. } => EventType::SettlementSettled,
            Subject::SettlementCompensated { .. } => EventType::SettlementCompensated,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// 1, 2, 3 … within the payment, deposit or settlement.
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// When the ledger recorded it; `time` on the bus.
    #[must_use]
    pub const fn occurred_at(&self) -> OffsetDateTime {
        self.occurred_at
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }
}

impl From<Announced> for Event {
    fn from(announced: Announced) -> Self {
        Self {
            id: EventId::of(announced.ledger_key, announced.sequence),
            tenant: announced.tenant,
            sequence: announced.sequence,
            occurred_at: announced.occurred_at,
            subject: Subject::from(announced),
        }
    }
}

fn write_time<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*at))
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OffsetDateTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::macros::datetime;
    use uuid::{Variant, uuid};

    use super::*;

    fn announced(event_type: EventType) -> Announced {
        Announced {
            tenant: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000000").into(),
            ledger_key: uuid!("0192f0c1-2b3a-8c4d-8e5f-60718293a4b5").into(),
            sequence: 1,
            event_type,
            source: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000001").into(),
            destination: uuid!("0192f0c1-2b3a-7c4d-8e5f-000000000002").into(),
            amount: Amount::new(1250).unwrap(),
            currency: "EUR".parse().unwrap(),
            fee: 66,
            payment: uuid!("0192f0c1-2b3a-8c4d-8e5f-000000000009").into(),
            occurred_at: datetime!(2026-02-03 04:05:06.7 +02:00),
        }
    }

    fn text(event: &Event) -> String {
        serde_json::to_string(event).unwrap()
    }

    /// Consumers know what they have seen by these ids, and dead letters are replayed under them: they never change.
    #[test]
    fn golden_bytes_of_every_event() {
        let payment = Event::from(announced(EventType::PaymentPosted));
        assert_eq!(
            text(&payment),
            concat!(
                r#"{"event_id":"0192f0c1-2b3a-84c8-831a-feea1ca2271e","#,
                r#""tenant_id":"0192f0c1-2b3a-7c4d-8e5f-000000000000","#,
                r#""sequence":1,"occurred_at":"2026-02-03T02:05:06.700000Z","event_type":"payment.posted.v1","#,
                r#""payment":{"payment_id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","#,
                r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","amount":1250,"currency":"EUR"}}"#,
            )
        );
        let deposit: Value = serde_json::to_value(Event::from(announced(EventType::DepositPosted))).unwrap();
        assert_eq!(deposit["event_type"], "deposit.posted.v1");
        assert_eq!(deposit["deposit"]["deposit_id"], "0192f0c1-2b3a-8c4d-8e5f-60718293a4b5");
        assert_eq!(deposit["payment"], Value::Null);
        for (event_type, name) in [
            (EventType::RefundPosted, "refund"),
            (EventType::ReversalPosted, "reversal"),
        ] {
            let expected = format!(
                concat!(
                    r#"{{"event_id":"0192f0c1-2b3a-84c8-831a-feea1ca2271e","#,
                    r#""tenant_id":"0192f0c1-2b3a-7c4d-8e5f-000000000000","#,
                    r#""sequence":1,"occurred_at":"2026-02-03T02:05:06.700000Z","event_type":"{name}.posted.v1","#,
                    r#""{name}":{{"{name}_id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","#,
                    r#""payment_id":"0192f0c1-2b3a-8c4d-8e5f-000000000009","#,
                    r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                    r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","amount":1250,"currency":"EUR"}}}}"#,
                ),
                name = name
            );
            assert_eq!(text(&Event::from(announced(event_type))), expected);
        }
        let settled = Event::from(announced(EventType::SettlementSettled));
        assert_eq!(
            text(&settled),
            concat!(
                r#"{"event_id":"0192f0c1-2b3a-84c8-831a-feea1ca2271e","#,
                r#""tenant_id":"0192f0c1-2b3a-7c4d-8e5f-000000000000","#,
                r#""sequence":1,"occurred_at":"2026-02-03T02:05:06.700000Z","event_type":"settlement.settled.v1","#,
                r#""settlement":{"settlement_id":"0192f0c1-2b3a-8c4d-8e5f-60718293a4b5","#,
                r#""source":"0192f0c1-2b3a-7c4d-8e5f-000000000001","#,
                r#""destination":"0192f0c1-2b3a-7c4d-8e5f-000000000002","amount":1250,"fee":66,"currency":"EUR"}}"#,
            )
        );
    }

    #[test]
    fn an_event_reads_back_what_it_writes() {
        for event_type in EventType::ALL {
            let event = Event::from(announced(event_type));
            assert_eq!(serde_json::from_str::<Event>(&text(&event)).unwrap(), event);
            assert_eq!(event.event_type(), event_type);
            assert_eq!(event_type.as_str().parse(), Ok(event_type));
        }
        let unknown = "payment.posted.v2";
        assert_eq!(unknown.parse::<EventType>(), Err(UnknownEventType(unknown.to_owned())));
    }

    #[test]
    fn members_added_later_are_ignored_at_every_depth() {
        let event = Event::from(announced(EventType::PaymentPosted));
        let mut later = serde_json::to_value(&event).unwrap();
        later["region"] = json!({"name": "eu-west-1"});
        later["payment"]["fee"] = json!(12);
        assert_eq!(serde_json::from_value::<Event>(later).unwrap(), event);
    }

    #[test]
    fn what_is_not_an_event_of_a_known_type_is_none() {
        let event = serde_json::to_value(Event::from(announced(EventType::PaymentPosted))).unwrap();
        let changes = [
            ("event_type", json!("payment.posted.v2")),
            ("event_type", json!("deposit.posted.v1")),
            ("event_id", json!("not a UUID")),
            ("occurred_at", json!("yesterday")),
            ("sequence", json!(-1)),
            ("payment", Value::Null),
        ];
        for (member, value) in changes {
            let mut other = event.clone();
            other[member] = value;
            assert!(serde_json::from_value::<Event>(other.clone()).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn an_event_id_is_a_version_8_in_the_place_of_its_intent(key: u128, sequence: u32) {
            let key = Uuid::from_u128(key);
            let id = EventId::of(key.into(), sequence).uuid();
            prop_assert_eq!((id.get_version_num(), id.get_variant()), (8, Variant::RFC4122));
            prop_assert_eq!(&id.as_bytes()[..6], &key.as_bytes()[..6]);
        }

        #[test]
        fn two_intents_or_two_sequences_never_share_an_event_id(key: u128, sequence: u32, bit in 0..128_u32) {
            let of = |key, sequence| EventId::of(LedgerKey::from(Uuid::from_u128(key)), sequence);
            prop_assert_ne!(of(key, sequence), of(key ^ (1 << bit), sequence));
            prop_assert_ne!(of(key, sequence), of(key, sequence ^ (1 << (bit % 32))));
        }
    }
}
