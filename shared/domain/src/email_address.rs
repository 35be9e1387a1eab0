//! Where a merchant is written to. Personal data: it shows in no log, not even by mistake.

use std::fmt;
use std::str::FromStr;

/// An e-mail address of the plain kind, `local@domain.tld`: no comments, quotes or address literals, ASCII only.
///
/// Only the mail server knows whether it exists. What is checked is that it is one address and can forge nothing in a
/// header.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is not an e-mail address of the plain kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address such as billing@example.com")]
pub struct NotAnEmailAddress;

/// RFC 5321: what a path may hold, less its two angle brackets.
const LONGEST: usize = 254;
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_LABEL: usize = 63;

impl EmailAddress {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = NotAnEmailAddress;

    fn from_str(text: &str) -> Result<Self, NotAnEmailAddress> {
        match text.split_once('@') {
            Some((local, domain)) if text.len() <= LONGEST && is_local_part(local) && is_domain(domain) => {
                Ok(Self(text.to_owned()))
            }
            Some(_) | None => Err(NotAnEmailAddress),
        }
    }
}

/// Withholds the address.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

/// RFC 5322's dot-atom.
fn is_local_part(text: &str) -> bool {
    let is_atom = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char);
    text.len() <= LONGEST_LOCAL_PART
        && text
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(is_atom))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken_as_they_are() {
        for text in [
            "billing@example.com",
            "a.b+c@sub.example.co.uk",
            "O'Neill@xn--bcher-kva.example",
        ] {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_more_or_less_than_one_plain_address_is_refused() {
        let too_long = format!("{}@example.com", "a".repeat(LONGEST_LOCAL_PART + 1));
        let far_too_long = format!("a@{}com", "example.".repeat(32));
        for text in [
            "",
            "@",
            "billing",
            "billing@",
            "@example.com",
            "billing@localhost",
            "billing@-example.com",
            "billing@example..com",
            ".billing@example.com",
            "billing@example.com, other@example.com",
            "billing@example.com\r\nBcc: other@example.com",
            "Billing <billing@example.com>",
            "\"billing\"@example.com",
            "billing@@example.com",
            "billing@[192.0.2.1]",
            "bücher@example.com",
            &too_long,
            &far_too_long,
        ] {
            assert_eq!(text.parse::<EmailAddress>(), Err(NotAnEmailAddress), "{text}");
        }
    }

    #[test]
    fn an_address_does_not_slip_into_a_log() {
        let address: EmailAddress = "billing@example.com".parse().unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…)");
    }
}
