//! What the function is invoked for. To prove everything anew takes many invocations: the answer of each has the event of the
//! next, and the last has none.

use serde::{Deserialize, Serialize};

use crate::window::Part;

/// `{}` for a night, `{"full": {}}` for the first part of all there ever was. What else is in it is a mistake, and fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// Whether what is new is sealed after the checks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) seal: bool,
    /// Whether the answer is without the sections, which may be more than a state machine takes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) brief: bool,
    /// Whether only what is new is looked at that a run left to this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) rest: bool,
    /// How many critical findings the parts of a full run had so far. `None`: it was not begun with the first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) found: Option<u64>,
    /// A part of all there ever was is proved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) full: Option<Full>,
    /// The ledger is compared with its seals, and no check is carried out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) seals: Option<Seals>,
}

/// All there ever was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Full {
    /// `None`: the first, and there is to be found out how many there are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) part: Option<Part>,
}

/// The seals, in the order of the numbers they cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seals {
    /// How many have been compared.
    pub(crate) done: usize,
    /// How many are compared by this invocation at most.
    #[serde(default = "as_many_as_time_allows", skip_serializing_if = "is_all")]
    pub(crate) most: usize,
}

/// What an invocation leaves to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// What stands behind this part: another, or the seals.
    Part(Part),
    /// More seals.
    Seals(Seals),
    /// More that is new.
    Rest,
}

impl Event {
    /// Whether it is about all there ever was, and not about what is new.
    pub(crate) const fn is_of_the_past(self) -> bool {
        self.full.is_some() || self.seals.is_some()
    }

    /// With what an invocation of a full run found.
    pub(crate) fn with_found(self, more: u64) -> Self {
        let is_first = self.full.is_some_and(|full| full.part.is_none());
        let before = if is_first { Some(0) } else { self.found };
        Self {
            found: before.map(|found| found.saturating_add(more)),
            ..self
        }
    }

    /// The event of what follows. `None`: nothing does.
    pub(crate) fn next(self, follows: Option<Follows>) -> Option<Self> {
        let (full, seals) = match follows? {
            Follows::Rest => return Some(Self { rest: true, ..self }),
            Follows::Seals(seals) => (None, Some(seals)),
            Follows::Part(part) => match part.next() {
                Some(part) => (Some(Full { part: Some(part) }), None),
                None => (None, Some(Seals::all())),
            },
        };
        Some(Self {
            seal: false,
            full,
            seals,
            ..self
        })
    }
}

impl Seals {
    const fn all() -> Self {
        Self {
            done: 0,
            most: usize::MAX,
        }
    }
}

const fn as_many_as_time_allows() -> usize {
    usize::MAX
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_all(most: &usize) -> bool {
    *most == usize::MAX
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};
    use time::macros::datetime;

    use super::*;
    use crate::window::Window;

    #[test]
    fn what_is_not_known_is_refused() {
        for mistaken in [json!({"fulls": {}}), json!({"full": 1}), json!({"seals": {}})] {
            assert!(from_value::<Event>(mistaken.clone()).is_err(), "{mistaken}");
        }
    }

    #[test]
    fn a_full_run_goes_through_all_parts_and_ends_with_the_seals() {
        let whole = Window::whole(
            7,
            1_250_007,
            datetime!(2026-01-01 00:00 UTC),
            datetime!(2026-01-02 00:00 UTC),
        );
        let mut event: Event = from_value(json!({"full": {}, "brief": true})).unwrap();
        let mut part = Part::first(&whole);
        let mut numbers = vec![(part.number, part.of)];
        while let Some(next) = event.with_found(2).next(Some(Follows::Part(part))) {
            // As it comes back.
            event = from_value(to_value(next).unwrap()).unwrap();
            assert!(event.brief);
            let Some(full) = event.full else { break };
            part = full.part.unwrap();
            numbers.push((part.number, part.of));
        }
        assert_eq!(numbers, [(0, 3), (1, 3), (2, 3)]);
        assert_eq!((event.found, event.seals), (Some(6), Some(Seals::all())));
        assert_eq!(event.next(None), None);
    }

    #[test]
    fn who_did_not_begin_at_the_beginning_does_not_say_what_was_found() {
        let seals: Event = from_value(json!({"seals": {"done": 0}})).unwrap();
        assert_eq!(seals.with_found(3).found, None);
    }

    #[test]
    fn what_is_left_of_a_night_is_sealed_when_there_is_no_more() {
        let night: Event = from_value(json!({"seal": true})).unwrap();
        let rest = night.next(Some(Follows::Rest)).unwrap();
        assert_eq!(to_value(rest).unwrap(), json!({"seal": true, "rest": true}));
    }
}
