//! Walking through an object once, collecting everything that is wrong instead of stopping at the first.

use serde_json::{Map, Value};

use super::invalid::{Checked, FieldError, Invalid, refuse, within};
use crate::{card_number, document};

/// The members of a request, as far as they have been read.
pub(super) struct Fields<'a> {
    members: &'a Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

/// A field is wrong, and that has been noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Reads a body in order of precedence: JSON first, then card numbers anywhere, then what `request` reads.
/// Members that it does not read are unknown, and refused as well.
pub(super) fn read<T>(body: &[u8], request: impl FnOnce(&mut Fields) -> Result<T, Refused>) -> Result<T, Invalid> {
    read_sparing(body, |_, _| false, request)
}

/// Like [`read`], for a request with a member whose value can be what looks like a card number and is none: those that
/// `is_none` says so of are not looked at.
pub(super) fn read_sparing<T>(
    body: &[u8],
    is_none: impl Fn(&str, &Value) -> bool,
    request: impl FnOnce(&mut Fields) -> Result<T, Refused>,
) -> Result<T, Invalid> {
    let document = document::read(body).map_err(|_| Invalid::MalformedJson)?;
    let mut suspects = document.clone();
    if let Value::Object(members) = &mut suspects {
        members.retain(|name, value| !is_none(name, value));
    }
    if card_number::find_in(&suspects) {
        return Err(Invalid::CardNumber);
    }
    let Value::Object(members) = &document else {
        return refuse("must be a JSON object").map_err(Invalid::Fields);
    };
    let mut fields = Fields {
        members,
        known: Vec::new(),
        errors: Vec::new(),
    };
    let parsed = request(&mut fields);
    let mut errors = fields.with_unknown_members();
    match parsed {
        Ok(request) if errors.is_empty() => Ok(request),
        Ok(_) | Err(Refused) => {
            errors.truncate(Invalid::MOST_ERRORS);
            Err(Invalid::Fields(errors))
        }
    }
}

impl Fields<'_> {
    /// The field's value. Absent and null are refused.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Result<T, Refused> {
        let value = self.optional(name, check)?;
        value.ok_or_else(|| self.refuse(name, "is required"))
    }

    /// The field's value; `None` if it is absent or null.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Result<Option<T>, Refused> {
        Ok(self.present(name, |value| nullable(value, &check))?.flatten())
    }

    /// Like [`Fields::optional`], for a field to which null means something.
    pub(super) fn present<T>(
        &mut self,
        name: &'static str,
        check: impl Fn(&Value) -> Checked<T>,
    ) -> Result<Option<T>, Refused> {
        self.known.push(name);
        self.members.get(name).map(check).transpose().map_err(|errors| {
            self.errors.extend(errors.into_iter().map(|error| within(name, error)));
            Refused
        })
    }

    /// Notes an error that shows only beside other fields.
    pub(super) fn refuse(&mut self, name: &str, detail: &str) -> Refused {
        self.errors.push(within(name, FieldError::new("", detail)));
        Refused
    }

    fn with_unknown_members(mut self) -> Vec<FieldError> {
        let unknown = self.members.keys().filter(|name| !self.known.contains(&name.as_str()));
        for name in unknown {
            self.errors
                .push(within(name, FieldError::new("", "is not a field of this request")));
        }
        self.errors
    }
}

/// Null, or what `check` makes of the value.
pub(super) fn nullable<T>(value: &Value, check: impl Fn(&Value) -> Checked<T>) -> Checked<Option<T>> {
    if value.is_null() {
        Ok(None)
    } else {
        check(value).map(Some)
    }
}
