//! What is wrong with a request, in terms its sender can act on and without repeating what was sent.

use serde::Serialize;

use crate::problem::Problem;

/// Why a body is no request. The variants are in order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not one JSON document in UTF-8 whose objects name each member once.
    #[error("malformed JSON")]
    MalformedJson,
    /// What looks like a card number stands somewhere in it. Says no more, not even where.
    #[error("a card number")]
    CardNumber,
    /// The fields to correct: all of them, up to [`Invalid::MOST_ERRORS`].
    #[error("{} invalid fields", .0.len())]
    Fields(Vec<FieldError>),
}

impl Invalid {
    /// More errors than this are cut off, so that a body full of nonsense is not answered by a larger one.
    pub const MOST_ERRORS: usize = 32;

    /// How the client is told.
    #[must_use]
    pub const fn problem(&self) -> Problem {
        match self {
            Self::MalformedJson => Problem::MalformedJson,
            Self::CardNumber => Problem::CardNumberRefused,
            Self::Fields(_) => Problem::InvalidRequest,
        }
    }
}

/// One field to correct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// RFC 6901 JSON pointer to the field; empty for the body itself.
    pub pointer: String,
    /// What the field must be. Continues a sentence that begins with the field's name; never holds its value.
    pub detail: String,
}

/// A value, or everything that is wrong with it: pointers are relative to the value until [`within`] a field.
pub(super) type Checked<T> = Result<T, Vec<FieldError>>;

impl FieldError {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// The refusal of a whole value.
pub(super) fn refuse<T>(detail: impl Into<String>) -> Checked<T> {
    Err(vec![FieldError::new("", detail)])
}

/// The same error seen from the object or array around it.
pub(super) fn within(name: &str, error: FieldError) -> FieldError {
    let token = name.replace('~', "~0").replace('/', "~1");
    FieldError {
        pointer: format!("/{token}{}", error.pointer),
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_grows_outwards_and_escapes_names() {
        let error = within("metadata", within("a/b~c", FieldError::new("", "is wrong")));
        assert_eq!(error, FieldError::new("/metadata/a~1b~0c", "is wrong"));
    }
}
