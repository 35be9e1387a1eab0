//! One line of a CSV file, strictly: what RFC 4180 does not allow is no record.
//!
//! Readers made for convenience take a quote that is never closed for a field that goes on to the end of the file, and
//! all lines in it are gone. Here a record is a line, so that a line can spoil no other; a line break inside quotes makes
//! two lines of which neither can be read.

use std::borrow::Cow;

/// The line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quote stands where none may")]
pub struct NoRecord;

const QUOTE: char = '"';

/// The fields of a line that has no line break at its end. `delimiter` is no quote.
///
/// # Errors
/// [`NoRecord`]
pub fn fields(line: &str, delimiter: char) -> Result<Vec<Cow<'_, str>>, NoRecord> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, behind) = match rest.strip_prefix(QUOTE) {
            Some(quoted) => quoted_field(quoted)?,
            None => bare_field(rest, delimiter)?,
        };
        fields.push(field);
        match behind.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(fields),
            None => return Err(NoRecord),
        }
    }
}

fn bare_field(text: &str, delimiter: char) -> Result<(Cow<'_, str>, &str), NoRecord> {
    let (field, behind) = text.split_at(text.find(delimiter).unwrap_or(text.len()));
    if field.contains(QUOTE) {
        return Err(NoRecord);
    }
    Ok((field.into(), behind))
}

/// A field whose first quote has been read. Two quotes in it are one of its text.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, &str), NoRecord> {
    let mut end = 0;
    loop {
        end += text[end..].find(QUOTE).ok_or(NoRecord)?;
        let behind = &text[end + 1..];
        if !behind.starts_with(QUOTE) {
            return Ok((unescaped(&text[..end]), behind));
        }
        end += 2;
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if text.contains(QUOTE) {
        text.replace("\"\"", "\"").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_bare_or_quoted() {
        for (line, expected) in [
            ("a,b,c", &["a", "b", "c"][..]),
            ("", &[""]),
            (",", &["", ""]),
            (r#""a","b,c","say ""hi""""#, &["a", "b,c", "say \"hi\""]),
            (r#""",x"#, &["", "x"]),
            (r#""""""#, &["\""]),
            ("=SUM(A1),+1,@x", &["=SUM(A1)", "+1", "@x"]),
            (" a , b", &[" a ", " b"]),
        ] {
            assert_eq!(fields(line, ',').unwrap(), expected, "{line}");
        }
        assert_eq!(fields("a;b,c", ';').unwrap(), ["a", "b,c"]);
    }

    #[test]
    fn a_stray_or_open_quote_makes_no_record() {
        for line in [
            r#"""#,
            r#"a,"b"#,
            r#"a"b,c"#,
            r#""a"b,c"#,
            r#""a" ,c"#,
            r#" "a",c"#,
            r#"""""#,
            r#"a,"b""#.trim_end_matches('"'),
        ] {
            assert_eq!(fields(line, ','), Err(NoRecord), "{line}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_by_the_rules_is_read_back(
            written in prop::collection::vec("[a\";, é]{0,8}", 1..6),
            delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        ) {
            let quoted: Vec<_> = written.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            let line = quoted.join(&delimiter.to_string());
            prop_assert_eq!(fields(&line, delimiter).unwrap(), written);
        }

        #[test]
        fn without_quotes_a_line_is_what_stands_between_its_delimiters(line in "[a;, é]{0,20}") {
            prop_assert_eq!(fields(&line, ',').unwrap(), line.split(',').collect::<Vec<_>>());
        }

        #[test]
        fn any_line_is_a_record_or_none(line in "[a\",]{0,12}") {
            if let Ok(fields) = fields(&line, ',') {
                prop_assert!(fields.iter().map(|field| field.len()).sum::<usize>() <= line.len());
            }
        }
    }
}
