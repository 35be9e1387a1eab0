//! Whether anything carries a settlement on, and whether anything still does that need not.

use crate::ids::LedgerKey;
use crate::settlement::status::Status;

/// How old a settlement may become that neither ends nor waits for people, in seconds. An alarm calls as early.
pub const STUCK_AFTER_SECONDS: i64 = 3600;

/// How long after nobody has attended to it a settlement must have been resumed, in seconds: half an hour of runs of
/// `resume-settlements`, each minute one.
pub const UNATTENDED_AFTER_SECONDS: i64 = 1800;

/// After how long without a change a settlement must have a running execution of the long machine, in seconds: the
/// quarter of an hour in which it may still be on its short way, or be resumed, and five minutes more.
pub const LOST_AFTER_SECONDS: i64 = 1200;

/// How long an execution may run on after its settlement has ended without a word about it, in seconds: longer than any
/// pause but the wait for people.
pub const ORPHAN_AFTER_SECONDS: i64 = 1200;

/// And with one: whoever waits for people looks again after a day, and ends.
pub const STRAY_AFTER_SECONDS: i64 = 26 * 3600;

/// How long a settlement that has not ended has waited, and whether anything carries it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How it stands.
    pub status: Status,
    /// Since it was asked for, in seconds.
    pub age: i64,
    /// Since its status or log changed, in seconds.
    pub unchanged: i64,
    /// Since somebody should have attended to it, in seconds; negative: there is time yet.
    pub lapsed: i64,
    /// Whether an execution of the long machine runs.
    pub is_running: bool,
}

/// What has become of whoever should carry a settlement on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neglect {
    /// Something keeps it waiting: its provider, a frozen account, a halt, a function of ours.
    Stuck,
    /// Nothing carries it on. It is resumed when it lapses.
    Lost,
    /// It has lapsed and is not resumed: the net itself is broken.
    Unattended,
}

/// An execution whose settlement has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// It looks again within a day, and ends.
    Orphan,
    /// It should have ended long ago.
    Stray,
}

impl Waiting {
    /// Whether it should have a running execution, so that none is a loss.
    #[must_use]
    pub const fn needs_execution(&self) -> bool {
        self.unchanged > LOST_AFTER_SECONDS
    }

    /// What is to be said of it.
    pub fn neglects(&self) -> impl Iterator<Item = Neglect> {
        let waits_for_people = self.status == Status::Limbo;
        let unattended = self.lapsed > UNATTENDED_AFTER_SECONDS;
        [
            (Neglect::Unattended, unattended),
            (Neglect::Lost, self.needs_execution() && !self.is_running && !unattended),
            (Neglect::Stuck, self.age > STUCK_AFTER_SECONDS && !waits_for_people),
        ]
        .into_iter()
        .filter_map(|(neglect, is_so)| is_so.then_some(neglect))
    }
}

impl Neglect {
    /// What a finding is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stuck => "settlement_stuck",
            Self::Lost => "settlement_lost",
            Self::Unattended => "settlement_unattended",
        }
    }
}

impl Orphan {
    /// Of an execution that runs that many seconds after its settlement has ended. `None`: it may.
    #[must_use]
    pub const fn after(ended: i64) -> Option<Self> {
        if ended > STRAY_AFTER_SECONDS {
            Some(Self::Stray)
        } else if ended > ORPHAN_AFTER_SECONDS {
            Some(Self::Orphan)
        } else {
            None
        }
    }
}

/// Whose execution bears that name: its id, or its id and when it lapsed. `None`: no settlement's.
#[must_use]
pub fn settlement_of(execution: &str) -> Option<LedgerKey> {
    let (id, rest) = execution.split_at_checked(36)?;
    let is_when = rest
        .strip_prefix('-')
        .is_some_and(|when| !when.is_empty() && when.bytes().all(|byte| byte.is_ascii_digit()));
    (rest.is_empty() || is_when).then(|| id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_waits_is_stuck_lost_or_unattended() {
        let fresh = Waiting {
            status: Status::Held,
            age: 3600,
            unchanged: 1200,
            lapsed: -900,
            is_running: false,
        };
        let long = Waiting {
            unchanged: 1201,
            ..fresh
        };
        for (waiting, neglects) in [
            (fresh, vec![]),
            (long, vec![Neglect::Lost]),
            (
                Waiting {
                    is_running: true,
                    ..long
                },
                vec![],
            ),
            (Waiting { lapsed: 1800, ..long }, vec![Neglect::Lost]),
            (Waiting { lapsed: 1801, ..long }, vec![Neglect::Unattended]),
            (
                Waiting {
                    lapsed: 1801,
                    is_running: true,
                    ..long
                },
                vec![Neglect::Unattended],
            ),
            (
                Waiting {
                    age: 3601,
                    is_running: true,
                    ..fresh
                },
                vec![Neglect::Stuck],
            ),
            (Waiting { age: 3601, ..long }, vec![Neglect::Lost, Neglect::Stuck]),
            (
                Waiting {
                    age: 90_000,
                    status: Status::Limbo,
                    ..fresh
                },
                vec![],
            ),
            (
                Waiting {
                    age: 90_000,
                    status: Status::Limbo,
                    ..long
                },
                vec![Neglect::Lost],
            ),
        ] {
            assert_eq!(waiting.neglects().collect::<Vec<_>>(), neglects, "{waiting:?}");
        }
    }

    #[test]
    fn an_execution_may_outlive_its_settlement_by_a_pause_and_by_a_day_at_most() {
        for (ended, orphan) in [
            (-5, None),
            (0, None),
            (1200, None),
            (1201, Some(Orphan::Orphan)),
            (93_600, Some(Orphan::Orphan)),
            (93_601, Some(Orphan::Stray)),
        ] {
            assert_eq!(Orphan::after(ended), orphan, "{ended} s");
        }
    }

    #[test]
    fn an_execution_s_name_says_whose_it_is() {
        let id = Uuid::from_u128(0x0192_f0c1_2b3a_8731_8a54_b40d_c9b8_b89e);
        for name in [format!("{id}"), format!("{id}-1790000000")] {
            assert_eq!(settlement_of(&name), Some(id.into()), "{name}");
        }
        for name in [
            "",
            "look",
            &format!("{id}x"),
            &format!("{id}-"),
            &format!("{id}-1a"),
            &format!("x{id}"),
            &"é".repeat(20),
        ] {
            assert_eq!(settlement_of(name), None, "{name}");
        }
    }
}
