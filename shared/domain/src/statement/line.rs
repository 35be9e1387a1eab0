//! What a line of a file says.

use std::borrow::Cow;
use std::fmt;

use time::Date;

use super::mapping::Mapping;
use super::name::Period;
use crate::card_number;
use crate::ids::LedgerKey;
use crate::money::Money;

/// A line that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub reference: Reference,
    /// How much, of either sign.
    pub money: Money,
    /// On which day.
    pub date: Date,
}

/// What a line says that it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A transaction's id. Whether the ledger holds it is another matter.
    Id(LedgerKey),
    /// Something else, 1 to 64 letters, digits and `.`, `_`, `:`, `/`, `-`. Nothing here is called so.
    Other(String),
}

/// What is wrong with a line that cannot be read. Nothing of such a line is kept: who knows what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// It is longer than any line may be.
    TooLong,
    /// It is not UTF-8.
    NotText,
    /// It is no CSV record: a quote stands where none may.
    NoRecord,
    /// It has more or fewer fields than the header.
    Fields,
    /// Its reference is empty, too long, or has other characters than a [`Reference`].
    Reference,
    /// Its reference looks like a payment card's number.
    CardNumber,
    /// Its currency is none.
    Currency,
    /// Its amount is none, not one of its currency, or larger than any.
    Amount,
    /// Its date is none.
    Date,
    /// Its date lies outside the days that the file is about.
    OutsidePeriod,
}

impl Defect {
    /// Every defect there is.
    pub const ALL: [Self; 10] = [
        Self::TooLong,
        Self::NotText,
        Self::NoRecord,
        Self::Fields,
        Self::Reference,
        Self::CardNumber,
        Self::Currency,
        Self::Amount,
        Self::Date,
        Self::OutsidePeriod,
    ];

    /// The name in the ledger and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotText => "not_text",
            Self::NoRecord => "no_record",
            Self::Fields => "fields",
            Self::Reference => "reference",
            Self::CardNumber => "card_number",
            Self::Currency => "currency",
            Self::Amount => "amount",
            Self::Date => "date",
            Self::OutsidePeriod => "outside_period",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(key) => key.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Reference {
    const LONGEST: usize = 64;

    fn read(text: &str) -> Result<Self, Defect> {
        if let Ok(key) = text.parse() {
            return Ok(Self::Id(key));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
        if !(1..=Self::LONGEST).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Defect::Reference);
        }
        if card_number::find_in(&text.into()) {
            return Err(Defect::CardNumber);
        }
        Ok(Self::Other(text.to_owned()))
    }
}

/// Where a file's header says that the columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// How many columns there are.
    pub(super) count: usize,
    pub(super) reference: usize,
    pub(super) amount: usize,
    pub(super) currency: usize,
    pub(super) date: usize,
    /// The column that tells which lines are compared.
    pub(super) only: Option<usize>,
}

impl Line {
    /// Reads a record of as many fields as there are columns. `None`: the mapping does not compare such lines.
    pub(super) fn read(
        fields: &[Cow<'_, str>],
        places: Places,
        mapping: &Mapping,
        period: Period,
    ) -> Result<Option<Self>, Defect> {
        let field = |place: usize| fields.get(place).map(|field| field.trim()).ok_or(Defect::Fields);
        if fields.len() != places.count {
            return Err(Defect::Fields);
        }
        if let (Some(only), Some(place)) = (&mapping.only, places.only)
            && !only.values.contains(field(place)?)
        {
            return Ok(None);
        }
        let reference = Reference::read(field(places.reference)?)?;
        let currency = field(places.currency)?.parse().map_err(|_| Defect::Currency)?;
        let amount = mapping.amount.read(field(places.amount)?, currency);
        let date = mapping.date.read(field(places.date)?).ok_or(Defect::Date)?;
        let line = Self {
            reference,
            money: Money {
                minor: amount.ok_or(Defect::Amount)?,
                currency,
            },
            date,
        };
        if period.holds(date) {
            Ok(Some(line))
        } else {
            Err(Defect::OutsidePeriod)
        }
    }
}
