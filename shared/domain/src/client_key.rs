//! Reading the `Idempotency-Key` header.

use crate::ids::{ClientKey, hyphenated};

/// Why a request has no usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyError {
    /// There is no header, or nothing in it.
    #[error("the Idempotency-Key header is missing")]
    Missing,
    /// The header holds something that is not one hyphenated UUID, or one of the two UUIDs nobody mints.
    #[error("the Idempotency-Key header is not a UUID")]
    Malformed,
}

impl ClientKey {
    /// Reads the header's value: a hyphenated UUID, bare or in double quotes, case ignored, surrounding whitespace
    /// trimmed.
    ///
    /// # Errors
    /// [`ClientKeyError::Missing`] without a header or with a blank one, [`ClientKeyError::Malformed`] for anything
    /// else. The nil and max UUIDs are refused: they are what an uninitialised variable sends, for every intent alike.
    pub fn parse(header: Option<&str>) -> Result<Self, ClientKeyError> {
        let value = header.unwrap_or_default().trim_ascii();
        if value.is_empty() {
            return Err(ClientKeyError::Missing);
        }
        let bare = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(value);
        match hyphenated(bare) {
            Ok(uuid) if !uuid.is_nil() && !uuid.is_max() => Ok(Self::from(uuid)),
            Ok(_) | Err(_) => Err(ClientKeyError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";

    #[test]
    fn bare_quoted_padded_and_upper_case_name_the_same_key() {
        let upper = KEY.to_uppercase();
        for header in [
            KEY,
            &upper,
            &format!("\"{KEY}\""),
            &format!("\t \"{upper}\"  "),
            &format!(" {KEY} "),
        ] {
            assert_eq!(ClientKey::parse(Some(header)).unwrap().to_string(), KEY, "{header}");
        }
    }

    #[test]
    fn no_header_and_a_blank_one_are_missing() {
        for header in [None, Some(""), Some(" \t")] {
            assert_eq!(ClientKey::parse(header), Err(ClientKeyError::Missing));
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let cases = [
            "\"\"",
            "\"",
            "key-1",
            "0192f0c12b3a7c4d8e5f60718293a4b5",
            "{0192f0c1-2b3a-7c4d-8e5f-60718293a4b5}",
            "\"0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
            "'0192f0c1-2b3a-7c4d-8e5f-60718293a4b5'",
            "\" 0192f0c1-2b3a-7c4d-8e5f-60718293a4b5\"",
            "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5,0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
            "0192f0c1-2b3a-7c4d-8e5f-60718293a4bé",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ];
        for header in cases {
            assert_eq!(
                ClientKey::parse(Some(header)),
                Err(ClientKeyError::Malformed),
                "{header}"
            );
        }
    }
}
