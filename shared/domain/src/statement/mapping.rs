//! How a provider's files are read, and what of the ledger is in them.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::UtcOffset;
use time::macros::format_description;

use super::amount::AmountForm;
use super::date::DateForm;
use super::name::Provider;
use crate::document;
use crate::ids::TenantId;
use crate::intent::Operation;
use crate::money::Currency;

/// A provider's mapping. `docs/statements.md` shows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Whose it is.
    pub provider: Provider,
    /// What stands between two fields: `,`, `;`, `|` or a tab.
    pub delimiter: char,
    /// What the columns are called in the header.
    pub columns: Columns,
    /// How amounts are written.
    pub amount: AmountForm,
    /// How days are written.
    pub date: DateForm,
    /// Which lines are about what is compared at all. `None`: all of them.
    pub only: Option<Only>,
    /// What of the ledger must be in the files.
    pub covers: Covers,
    /// Where the provider's days begin.
    pub utc_offset: UtcOffset,
    /// At most so many days lie between the end of one file's period and that of the next.
    pub every_days: i16,
}

/// The names of columns, as the header writes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Our transaction's id: what a payment, a deposit, a settlement was answered with.
    pub reference: String,
    /// How much.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// On which day.
    pub date: String,
}

/// Lines that are compared; the others are counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// The column that says what a line is.
    pub column: String,
    /// What it says of lines that are compared.
    pub values: BTreeSet<String>,
}

/// What of the ledger must be in a provider's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covers {
    /// These kinds of transactions.
    pub kinds: Vec<Operation>,
    /// In these currencies. Empty: in any.
    pub currencies: Vec<Currency>,
    /// Of these merchants. Empty: of all.
    pub tenants: Vec<TenantId>,
}

/// The mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not JSON, or a member is missing, unknown or of another type.
    #[error("the mapping is not what docs/statements.md says: {0}")]
    Malformed(String),
    /// The member that this names cannot be used.
    #[error("the mapping's {0} cannot be used")]
    Unusable(&'static str),
}

/// A mapping as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    provider: Provider,
    delimiter: char,
    columns: Columns,
    amount: AmountForm,
    date: DateForm,
    only: Option<Only>,
    covers: WrittenCovers,
    utc_offset: Option<String>,
    every_days: i16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCovers {
    kinds: Vec<String>,
    #[serde(default)]
    currencies: Vec<Currency>,
    #[serde(default)]
    tenants: Vec<TenantId>,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`MappingError`]
    pub fn parse(json: &[u8]) -> Result<Self, MappingError> {
        let malformed = |error: serde_json::Error| MappingError::Malformed(error.to_string());
        let document = document::read(json).map_err(malformed)?;
        let written: Written = serde_json::from_value(document).map_err(malformed)?;
        let usable = |is: bool, name| if is { Ok(()) } else { Err(MappingError::Unusable(name)) };
        usable(matches!(written.delimiter, ',' | ';' | '|' | '\t'), "delimiter")?;
        usable(written.amount.is_readable(), "amount")?;
        usable((1..=366).contains(&written.every_days), "every_days")?;
        usable(
            written.columns.are_four() && written.only.iter().all(|only| !only.values.is_empty()),
            "columns",
        )?;
        Ok(Self {
            provider: written.provider,
            delimiter: written.delimiter,
            columns: written.columns,
            amount: written.amount,
            date: written.date,
            only: written.only,
            covers: written.covers.read()?,
            utc_offset: offset(written.utc_offset.as_deref())?,
            every_days: written.every_days,
        })
    }
}

impl Columns {
    fn are_four(&self) -> bool {
        let Self {
            reference,
            amount,
            currency,
            date,
        } = self;
        BTreeSet::from([reference, amount, currency, date]).len() == 4
    }
}

impl WrittenCovers {
    fn read(self) -> Result<Covers, MappingError> {
        let kinds: Result<Vec<Operation>, _> = self.kinds.iter().map(|kind| kind.parse()).collect();
        match kinds {
            Ok(kinds) if !kinds.is_empty() => Ok(Covers {
                kinds,
                currencies: self.currencies,
                tenants: self.tenants,
            }),
            Ok(_) | Err(_) => Err(MappingError::Unusable("covers.kinds")),
        }
    }
}

fn offset(text: Option<&str>) -> Result<UtcOffset, MappingError> {
    let form = format_description!("[offset_hour sign:mandatory]:[offset_minute]");
    text.map_or(Ok(UtcOffset::UTC), |text| {
        UtcOffset::parse(text, form).map_err(|_| MappingError::Unusable("utc_offset"))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};
    use time::macros::offset;

    use super::*;

    /// Of a provider that writes everything in its own way.
    pub(in crate::statement) fn acme() -> Value {
        json!({
            "provider": "acme",
            "delimiter": ";",
            "columns": {"reference": "Merchant reference", "amount": "Gross", "currency": "Currency", "date": "Booked on"},
            "amount": {"decimal": {"point": ",", "groups": "."}},
            "date": "DD.MM.YYYY",
            "only": {"column": "Type", "values": ["Charge", "Top-up"]},
            "covers": {"kinds": ["payment", "deposit"], "currencies": ["EUR"], "tenants": ["0192f0c1-2b3a-7c4d-8e5f-60718293a4b5"]},
            "utc_offset": "+01:00",
            "every_days": 1
        })
    }

    fn parse(mapping: &Value) -> Result<Mapping, MappingError> {
        Mapping::parse(mapping.to_string().as_bytes())
    }

    #[test]
    fn a_mapping_says_how_files_are_read_and_what_must_be_in_them() {
        let mapping = parse(&acme()).unwrap();
        assert_eq!(mapping.provider.as_str(), "acme");
        assert_eq!(
            mapping.amount,
            AmountForm::Decimal {
                point: ',',
                groups: Some('.')
            }
        );
        assert_eq!(mapping.date, DateForm::Dotted);
        assert_eq!(mapping.covers.kinds, [Operation::Payment, Operation::Deposit]);
        assert_eq!(mapping.utc_offset, offset!(+1));
        assert_eq!(mapping.only.unwrap().values.len(), 2);
    }

    #[test]
    fn what_may_be_left_out_may_be() {
        let mut least = acme();
        for name in ["only", "utc_offset"] {
            least.as_object_mut().unwrap().remove(name);
        }
        least["covers"] = json!({"kinds": ["settlement"]});
        least["amount"] = json!("minor");
        let mapping = parse(&least).unwrap();
        assert_eq!(
            (mapping.only, mapping.utc_offset, mapping.amount),
            (None, UtcOffset::UTC, AmountForm::Minor)
        );
        assert!(mapping.covers.currencies.is_empty() && mapping.covers.tenants.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (pointer, value, name) in [
            ("/delimiter", json!("\""), "delimiter"),
            ("/delimiter", json!("a"), "delimiter"),
            ("/amount/decimal/groups", json!(","), "amount"),
            ("/every_days", json!(0), "every_days"),
            ("/columns/amount", json!("Currency"), "columns"),
            ("/only/values", json!([]), "columns"),
            ("/covers/kinds", json!([]), "covers.kinds"),
            ("/covers/kinds", json!(["hold"]), "covers.kinds"),
            ("/utc_offset", json!("1"), "utc_offset"),
            ("/utc_offset", json!("+26:00"), "utc_offset"),
        ] {
            let mut mapping = acme();
            *mapping.pointer_mut(pointer).unwrap() = value.clone();
            assert_eq!(parse(&mapping), Err(MappingError::Unusable(name)), "{pointer} {value}");
        }
    }

    #[test]
    fn what_is_missing_or_not_known_is_malformed() {
        let is_malformed = |mapping: &Value| matches!(parse(mapping), Err(MappingError::Malformed(_)));
        for name in [
            "provider",
            "delimiter",
            "columns",
            "amount",
            "date",
            "covers",
            "every_days",
        ] {
            let mut mapping = acme();
            mapping.as_object_mut().unwrap().remove(name);
            assert!(is_malformed(&mapping), "{name}");
        }
        for (pointer, value) in [
            ("/provider", json!("ACME")),
            ("/delimiter", json!(";;")),
            ("/date", json!("YYYY")),
            ("/covers/currencies", json!(["XXX"])),
            (
                "/columns",
                json!({"reference": "a", "amount": "b", "currency": "c", "date": "d", "fee": "e"}),
            ),
            ("/amount", json!({"decimal": {"point": ",", "sign": "-"}})),
        ] {
            let mut mapping = acme();
            *mapping.pointer_mut(pointer).unwrap() = value;
            assert!(is_malformed(&mapping), "{pointer}");
        }
        assert!(matches!(Mapping::parse(b"{}{}"), Err(MappingError::Malformed(_))));
    }
}
