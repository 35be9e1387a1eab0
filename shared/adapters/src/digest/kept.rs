//! Where seals lie, by name.

use time::OffsetDateTime;

/// What all their names begin with.
pub(super) const SEALS: &str = "seals/";

/// What lies where a seal belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The number that it begins at.
    pub from: u64,
    /// 0, unless something else lay there first.
    pub nth: u32,
    /// Its first version.
    pub(super) version: Option<String>,
    /// When that was put there, by the bucket's clock.
    pub kept_at: OffsetDateTime,
    /// When somebody last put another version over it, or a mark that it is deleted. The first one is still there. `None`: nobody.
    pub covered_at: Option<OffsetDateTime>,
}

/// All that lies among the seals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// In the order of the numbers that they begin at.
    pub kept: Vec<Kept>,
    /// What has a name that no seal has, and when it was last put there.
    pub strays: Vec<(String, OffsetDateTime)>,
}

impl Kept {
    pub(super) fn key(&self) -> String {
        key(self.from, self.nth)
    }

    /// `None`: no seal has that name. A name has one spelling, or two objects would be one seal.
    pub(super) fn of(key: &str) -> Option<Self> {
        let name = key.strip_prefix(SEALS)?.strip_suffix(".json")?;
        let (from, nth) = name.split_once('.').unwrap_or((name, "0"));
        let kept = Self {
            from: from.parse().ok()?,
            nth: nth.parse().ok()?,
            version: None,
            kept_at: OffsetDateTime::UNIX_EPOCH,
            covered_at: None,
        };
        (kept.key() == key).then_some(kept)
    }
}

/// The name of the place of the seal that begins at `from`, or of the nth beside it.
pub(super) fn key(from: u64, nth: u32) -> String {
    match nth {
        0 => format!("{SEALS}{from:020}.json"),
        nth => format!("{SEALS}{from:020}.{nth}.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_s_name_has_one_spelling() {
        for (key, place) in [
            ("seals/00000000000000000007.json", Some((7, 0))),
            ("seals/00000000000000000007.2.json", Some((7, 2))),
            ("seals/18446744073709551615.json", Some((u64::MAX, 0))),
            ("seals/7.json", None),
            ("seals/+0000000000000000007.json", None),
            ("seals/00000000000000000007.0.json", None),
            ("seals/00000000000000000007.02.json", None),
            ("seals/00000000000000000007.json.json", None),
            ("seals/18446744073709551616.json", None),
            ("leaves/00000000000000000007.json", None),
            ("seals/", None),
        ] {
            assert_eq!(Kept::of(key).map(|kept| (kept.from, kept.nth)), place, "{key}");
        }
    }
}
