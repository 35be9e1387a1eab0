//! Finding what looks like a payment card's number, so that none is ever stored, logged or echoed.
//!
//! The rule: digits are read in groups. Characters that are neither letters nor digits only separate groups, a letter
//! ends the sequence. Every contiguous sequence of whole groups that has 13 to 19 digits, begins with 1–9 and passes
//! Luhn is a card number. So `4111 1111 1111 1111 12/27` is found, and a card inside an unbroken run of 20 or more
//! digits is not: if every window of such a run were tried, most long numbers would be refused by chance.
//!
//! One unbroken number of 13 to 19 digits in ten passes Luhn by chance and is refused. What clients send all the time
//! must not meet that chance, so two spellings count as no digits at all: a hyphenated UUID with at least one letter,
//! and a date of the years 1900–2099 (no card begins with 19 or 20), alone or with a time.

use serde_json::Value;

/// Whether any string, name or number of the document holds what looks like a card number.
#[must_use]
pub fn find_in(document: &Value) -> bool {
    match document {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => is_in(&number.to_string()),
        Value::String(text) => is_in(text),
        Value::Array(items) => items.iter().any(find_in),
        Value::Object(members) => members.iter().any(|(name, value)| is_in(name) || find_in(value)),
    }
}

fn is_in(text: &str) -> bool {
    skeleton(text).split('x').any(|sequence| {
        let groups: Vec<&str> = sequence.split_ascii_whitespace().collect();
        (0..groups.len()).any(|first| begins_with_card(&groups[first..]))
    })
}

fn begins_with_card(groups: &[&str]) -> bool {
    let mut digits = String::new();
    for group in groups {
        digits.push_str(group);
        if digits.len() > 19 {
            return false;
        }
        if digits.len() >= 13 && passes_luhn(digits.as_bytes()) {
            return !digits.starts_with('0');
        }
    }
    false
}

fn passes_luhn(digits: &[u8]) -> bool {
    let weigh = |(place, digit): (usize, &u8)| match (place % 2, digit - b'0') {
        (1, digit @ 5..) => 2 * digit - 9,
        (1, digit) => 2 * digit,
        (_, digit) => digit,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(weigh).map(u32::from).sum();
    sum.is_multiple_of(10)
}

/// The text as its ASCII digits, blanks for separators, and `x` where a sequence of groups ends.
fn skeleton(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut bones = String::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let inside_a_word = at > 0 && chars[at - 1].is_alphanumeric();
        let skipped = if inside_a_word { 0 } else { spelling(&chars[at..]) };
        bones.push(match ascii_digit(chars[at]) {
            _ if skipped > 0 => 'x',
            Some(digit) => digit,
            None if chars[at].is_alphanumeric() => 'x',
            None => ' ',
        });
        at += skipped.max(1);
    }
    bones
}

/// Decimal digits of the scripts a keyboard offers; others count as letters.
fn ascii_digit(char: char) -> Option<char> {
    const ZEROS: [u32; 5] = [
        '0' as u32,
        '\u{660}' as u32,
        '\u{6f0}' as u32,
        '\u{966}' as u32,
        '\u{ff10}' as u32,
    ];
    ZEROS
        .into_iter()
        .find_map(|zero| char::from_digit(u32::from(char).checked_sub(zero)?, 10))
}

/// The length of the UUID or date that begins here and is spared; 0 if there is none.
fn spelling(text: &[char]) -> usize {
    let length = if fits(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") {
        if text[..36].iter().any(char::is_ascii_alphabetic) {
            36
        } else {
            0
        }
    } else if fits(text, "19dd-dd-dd") || fits(text, "20dd-dd-dd") {
        10 + time_of_day(&text[10..])
    } else {
        0
    };
    if text.get(length).is_some_and(char::is_ascii_digit) {
        0
    } else {
        length
    }
}

fn time_of_day(text: &[char]) -> usize {
    if !fits(text, "Tdd:dd:dd") && !fits(text, " dd:dd:dd") {
        return 0;
    }
    let decimals = text[9..]
        .iter()
        .skip(1)
        .take_while(|char| char.is_ascii_digit())
        .count();
    let fraction = if fits(&text[9..], ".d") && decimals <= 9 {
        1 + decimals
    } else {
        0
    };
    let zone = &text[9 + fraction..];
    let offset = if fits(zone, "+dd:dd") || fits(zone, "-dd:dd") {
        6
    } else {
        0
    };
    9 + fraction + offset
}

/// `h` stands for a hexadecimal digit, `d` for a decimal one, anything else for itself.
fn fits(text: &[char], pattern: &str) -> bool {
    text.len() >= pattern.len()
        && text.iter().zip(pattern.chars()).all(|(char, expected)| match expected {
            'h' => char.is_ascii_hexdigit(),
            'd' => char.is_ascii_digit(),
            literal => *char == literal,
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_number_is_found_however_it_is_written() {
        let cases = [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "4111/1111/1111/1111",
            "4111_1111_1111_1111",
            "4111, 1111, 1111, 1111",
            "4111:1111:1111:1111",
            "4111 - 1111 -- 1111  1111",
            "4\u{a0}1\u{2009}1\u{3000}1 1111 1111 1111",
            "4111\u{2010}1111\u{2013}1111\u{2014}1111",
            "4111\u{200b}1111\u{200b}1111\u{200b}1111",
            "\u{ff14}111111111111111",
            "\u{664}\u{661}\u{661}\u{661}111111111111",
            "4111 1111 1111 1111 12/27 123",
            "12 4111 1111 1111 1111",
            "order4111111111111111x",
            "order 2024-01-15 12:34:56 4111111111111111",
            "2024-01-15 12:34:56.4111111111111111",
            "378282246310005",
            "4222222222222",
            "6011000990139424",
            "4111111111111111110",
        ];
        for text in cases {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_card_number_passes() {
        let cases = [
            "",
            "tok_visa_4242",
            "4111 1111 1111 1112",
            "411111111117",
            "41111111111111111115",
            "0000000000000000",
            "4111a1111b1111c1111",
            "+49 170 1234567",
            "Rent 2024-01-01 - 2024-01-31, 2024-02-01 - 2024-02-29",
        ];
        for text in cases {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn a_card_number_is_found_in_strings_names_and_numbers_at_any_depth() {
        let card = "4111111111111111";
        let documents = [
            json!(card),
            json!({"metadata": {"a": [1, {"b": card}]}}),
            json!({"metadata": {card: "x"}}),
            json!({ card: 1 }),
            json!({"amount": 4_111_111_111_111_111_u64}),
            json!({"amount": -4_111_111_111_111_111_i64}),
            json!({"amount": 4_111_111_111_111_111.0}),
            json!({"amount": 4.111_111_111_111_111}),
        ];
        for document in documents {
            assert!(find_in(&document), "{document}");
        }
        assert!(!find_in(
            &json!({"amount": 999_999_999_999_u64, "x": [null, true, "y"]})
        ));
    }

    #[test]
    fn only_a_uuid_with_a_letter_is_spared() {
        assert!(!is_in("41111111-1111-4111-a111-111111111111"));
        assert!(!is_in("urn:uuid:41111111-1111-4111-A111-111111111111"));
        assert!(is_in("41111111-1111-1111-0000-000000000000"));
        assert!(is_in("41111111-1111-1111-a00"));
    }

    proptest! {
        #[test]
        fn every_number_that_passes_luhn_is_found_behind_any_separators(
            body in "[1-9][0-9]{11,17}",
            separators in prop::collection::vec("[ ./_\u{2013}\u{a0}-]{0,2}", 19),
            before in "([a-z]{0,5}|1234[ -])",
            after in "([a-z]{0,5}| 12/27 123)",
        ) {
            let check = (b'0'..=b'9').find(|&check| passes_luhn(&[body.as_bytes(), &[check]].concat())).unwrap();
            let digits = body.chars().map(String::from);
            let spaced: String = digits.zip(separators).flat_map(<[String; 2]>::from).collect();
            let text = format!("{before}{spaced}{}{after}", char::from(check));
            prop_assert!(is_in(&text), "{}", text);
        }

        #[test]
        fn no_uuid_with_a_letter_is_refused(high: u64, low: u64) {
            let id = uuid::Uuid::from_u64_pair(high, low | 0xa);
            let document = json!({"source": id, "metadata": {"order": format!("{id} {id}"), "note": format!("#{id}.")}});
            prop_assert!(!find_in(&document));
        }

        #[test]
        fn no_timestamp_is_refused(nanos in 0..4_102_444_800_000_000_000_i128, hours in -12..=14_i8) {
            let format = &time::format_description::well_known::Rfc3339;
            let at = time::OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            let there = at.to_offset(time::UtcOffset::from_hms(hours, 0, 0).unwrap()).format(format).unwrap();
            prop_assert!(!is_in(&there));
            prop_assert!(!is_in(&there.replace('T', " ")));
        }
    }
}
