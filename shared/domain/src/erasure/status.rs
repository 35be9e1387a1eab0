//! How far an erasure has come, and what may happen next.

use std::str::FromStr;

/// How far an erasure has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing was done yet.
    Asked,
    /// A legal hold stood against it.
    Blocked,
    /// There was nothing to erase.
    Unknown,
    /// Another erasure did it.
    Repeated,
    /// The keys are destroyed.
    Erasing,
    /// And so is all else.
    Erased,
    /// And there is a certificate.
    Certified,
}

/// What can happen to an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happened {
    /// A legal hold was found.
    Held,
    /// Nobody was found.
    NobodyThere,
    /// It was found destroyed by another.
    DoneByAnother,
    /// The keys were destroyed.
    KeysDestroyed,
    /// What they opened was removed, and who it was about is no longer linked to any account.
    Removed,
    /// The certificate was issued.
    Issued,
}

/// This cannot happen to an erasure that has come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{happened:?} cannot happen to an erasure that is {}", .status.as_str())]
pub struct OutOfTurn {
    /// How far it has come.
    pub status: Status,
    /// What is said to have happened.
    pub happened: Happened,
}

/// The store holds a status that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown status of an erasure")]
pub struct UnknownStatus;

impl Status {
    /// Every status there is.
    pub const ALL: [Self; 7] = [
        Self::Asked,
        Self::Blocked,
        Self::Unknown,
        Self::Repeated,
        Self::Erasing,
        Self::Erased,
        Self::Certified,
    ];

    /// The name that it is stored under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Repeated => "repeated",
            Self::Erasing => "erasing",
            Self::Erased => "erased",
            Self::Certified => "certified",
        }
    }

    /// What it is after this happened. Once keys are destroyed there is one way, and it leads to a certificate: neither a
    /// hold nor another erasure changes that.
    ///
    /// # Errors
    /// [`OutOfTurn`]
    pub const fn next(self, happened: Happened) -> Result<Self, OutOfTurn> {
        match (self, happened) {
            (Self::Asked, Happened::Held) => Ok(Self::Blocked),
            (Self::Asked, Happened::NobodyThere) => Ok(Self::Unknown),
            (Self::Asked, Happened::DoneByAnother) => Ok(Self::Repeated),
            (Self::Asked, Happened::KeysDestroyed) => Ok(Self::Erasing),
            (Self::Erasing, Happened::Removed) => Ok(Self::Erased),
            (Self::Erased, Happened::Issued) => Ok(Self::Certified),
            (
                Self::Asked
                | Self::Blocked
                | Self::Unknown
                | Self::Repeated
                | Self::Erasing
                | Self::Erased
                | Self::Certified,
                _,
            ) => Err(OutOfTurn { status: self, happened }),
        }
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Blocked | Self::Unknown | Self::Repeated | Self::Certified => true,
            Self::Asked | Self::Erasing | Self::Erased => false,
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Happened; 6] = [
        Happened::Held,
        Happened::NobodyThere,
        Happened::DoneByAnother,
        Happened::KeysDestroyed,
        Happened::Removed,
        Happened::Issued,
    ];

    #[test]
    fn a_status_survives_being_stored() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("gone".parse::<Status>(), Err(UnknownStatus));
    }

    #[test]
    fn what_is_final_stays_and_what_is_not_goes_on() {
        for status in Status::ALL {
            let goes_on = ALL.into_iter().any(|happened| status.next(happened).is_ok());
            assert_eq!(goes_on, !status.is_final(), "{status:?}");
        }
    }

    #[test]
    fn once_keys_are_destroyed_there_is_one_way_and_it_ends_with_a_certificate() {
        let mut status = Status::Asked.next(Happened::KeysDestroyed).unwrap();
        let mut way = vec![status];
        while !status.is_final() {
            let next: Vec<_> = ALL
                .into_iter()
                .filter_map(|happened| status.next(happened).ok())
                .collect();
            assert_eq!(next.len(), 1, "{status:?}");
            status = next[0];
            way.push(status);
        }
        assert_eq!(way, [Status::Erasing, Status::Erased, Status::Certified]);
    }

    #[test]
    fn nothing_else_is_ever_certified() {
        for status in Status::ALL {
            let certified = ALL
                .into_iter()
                .filter(|happened| status.next(*happened) == Ok(Status::Certified));
            assert_eq!(certified.count(), usize::from(status == Status::Erased), "{status:?}");
        }
    }
}
