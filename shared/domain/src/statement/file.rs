//! A file, read to its last line.

use std::borrow::Cow;

use super::csv;
use super::line::{Defect, Line, Places};
use super::mapping::Mapping;
use super::name::Period;

/// A line by its number; the header is number 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Counts every line break, as an editor does.
    pub number: i32,
    /// What it says, or why it cannot be read.
    pub said: Result<Line, Defect>,
}

/// All that a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// What is compared, in the order of the file.
    pub compared: Vec<Numbered>,
    /// How many lines the mapping does not compare.
    pub other: i32,
}

/// The file is none of this provider's, or not one that can be taken. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStatement {
    /// More bytes than a file may have.
    #[error("the file has more than {} bytes", Lines::MOST_BYTES)]
    TooLarge,
    /// More lines than a file may have.
    #[error("the file has more than {} lines", Lines::MOST)]
    TooManyLines,
    /// Its first line is no CSV record in UTF-8.
    #[error("the file has no header that can be read")]
    NoHeader,
    /// The header lacks a column of the mapping, or names one twice.
    #[error("the header names the column {0:?} not once")]
    Column(String),
}

impl Lines {
    /// The most bytes of a file: 32 MiB.
    pub const MOST_BYTES: usize = 32 * 1024 * 1024;
    /// The most lines of a file, its header not counted.
    pub const MOST: usize = 100_000;
    /// The most bytes of a line.
    const LONGEST: usize = 16 * 1024;

    /// Reads a file. Lines end in LF or CR LF; one without anything in it is no line. A byte order mark in front of it all
    /// is passed over.
    ///
    /// # Errors
    /// [`NoStatement`]
    pub fn read(file: &[u8], mapping: &Mapping, period: Period) -> Result<Self, NoStatement> {
        if file.len() > Self::MOST_BYTES {
            return Err(NoStatement::TooLarge);
        }
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let lines = file.split(|byte| *byte == b'\n');
        let mut lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).zip(1_i32..);
        let header = lines.next().and_then(|(header, _)| record(header, mapping).ok());
        let places = Places::find(&header.ok_or(NoStatement::NoHeader)?, mapping)?;
        let mut read = Self::default();
        for (count, (line, number)) in lines.filter(|(line, _)| !line.is_empty()).enumerate() {
            if count == Self::MOST {
                return Err(NoStatement::TooManyLines);
            }
            let said = record(line, mapping).and_then(|fields| Line::read(&fields, places, mapping, period));
            match said.transpose() {
                Some(said) => read.compared.push(Numbered { number, said }),
                None => read.other += 1,
            }
        }
        Ok(read)
    }
}

fn record<'line>(line: &'line [u8], mapping: &Mapping) -> Result<Vec<Cow<'line, str>>, Defect> {
    if line.len() > Lines::LONGEST {
        return Err(Defect::TooLong);
    }
    let text = str::from_utf8(line).map_err(|_| Defect::NotText)?;
    csv::fields(text, mapping.delimiter).map_err(|_| Defect::NoRecord)
}

impl Places {
    fn find(header: &[Cow<'_, str>], mapping: &Mapping) -> Result<Self, NoStatement> {
        let place = |name: &String| {
            let mut places = (0..header.len()).filter(|place| header[*place].trim() == name);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_) | None, _) => Err(NoStatement::Column(name.clone())),
            }
        };
        Ok(Self {
            count: header.len(),
            reference: place(&mapping.columns.reference)?,
            amount: place(&mapping.columns.amount)?,
            currency: place(&mapping.columns.currency)?,
            date: place(&mapping.columns.date)?,
            only: mapping.only.as_ref().map(|only| place(&only.column)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;
    use crate::statement::mapping::tests::acme;

    const HEADER: &str = "Type;Merchant reference;Gross;Currency;Booked on";
    const ID: &str = "0192f0c1-2b3a-8c4d-8e5f-60718293a4b5";

    fn read(file: &[u8]) -> Result<Lines, NoStatement> {
        let mapping = Mapping::parse(acme().to_string().as_bytes()).unwrap();
        let day = date!(2026 - 05 - 22);
        Lines::read(file, &mapping, Period::new(day, day).unwrap())
    }

    /// What a line after the header is read as.
    fn line(line: &[u8]) -> Result<Line, Defect> {
        let lines = read(&[HEADER.as_bytes(), b"\n", line].concat()).unwrap();
        assert_eq!((lines.compared.len(), lines.other), (1, 0));
        assert_eq!(lines.compared[0].number, 2);
        lines.compared[0].said.clone()
    }

    #[test]
    fn a_line_says_what_how_much_and_when() {
        let said = line(format!("Charge;{ID};1.234,50;EUR;22.05.2026").as_bytes()).unwrap();
        assert_eq!(said.reference.to_string(), ID);
        assert_eq!(said.money.to_string(), "EUR 1234.50");
        assert_eq!(said.date, date!(2026 - 05 - 22));
        let other = line(b"Top-up; ch_1:A/b.c-d ;\"-0,05\";EUR;22.05.2026 23:59:59").unwrap();
        assert_eq!(other.reference.to_string(), "ch_1:A/b.c-d");
        assert_eq!(other.money.minor, -5);
    }

    #[test]
    fn a_line_that_cannot_be_read_says_why() {
        let long = format!("Charge;{};1;EUR;22.05.2026", "x".repeat(20_000));
        let many = format!("Charge;{};1;EUR;22.05.2026", "x".repeat(65));
        for (text, defect) in [
            (long.as_bytes(), Defect::TooLong),
            (b"Charge;\xff;1,00;EUR;22.05.2026", Defect::NotText),
            (b"\xff\xfeC\0", Defect::NotText),
            (b"Charge;\"x;1,00;EUR;22.05.2026", Defect::NoRecord),
            (b"Charge;x;1,00;EUR", Defect::Fields),
            (b"Charge;x;1,00;EUR;22.05.2026;", Defect::Fields),
            (b" ", Defect::Fields),
            (b"Charge;;1,00;EUR;22.05.2026", Defect::Reference),
            (b"Charge;=cmd|'/C calc'!A0;1,00;EUR;22.05.2026", Defect::Reference),
            (b"Charge;<script>;1,00;EUR;22.05.2026", Defect::Reference),
            (many.as_bytes(), Defect::Reference),
            (b"Charge;4111-1111-1111-1111;1,00;EUR;22.05.2026", Defect::CardNumber),
            (b"Charge;x;1,00;eur;22.05.2026", Defect::Currency),
            (b"Charge;x;1.00;EUR;22.05.2026", Defect::Amount),
            (b"Charge;x;99999999999999999999;EUR;22.05.2026", Defect::Amount),
            (b"Charge;x;;EUR;22.05.2026", Defect::Amount),
            (b"Charge;x;1,00;EUR;2026-05-22", Defect::Date),
            (b"Charge;x;1,00;EUR;23.05.2026", Defect::OutsidePeriod),
        ] {
            assert_eq!(line(text), Err(defect), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_the_mapping_does_not_compare_is_counted() {
        let lines =
            read(format!("{HEADER}\nFee;;;;\nCharge;x;1,00;EUR;22.05.2026\nPayout;\"y\";;;\n").as_bytes()).unwrap();
        assert_eq!((lines.compared.len(), lines.other), (1, 2));
        // But only if it can be read that far.
        assert_eq!(line(b"Fee;;;"), Err(Defect::Fields));
    }

    #[test]
    fn a_mark_in_front_other_line_ends_and_empty_lines_change_nothing() {
        let plain = format!("{HEADER}\nCharge;x;1,00;EUR;22.05.2026\nCharge;y;2,00;EUR;22.05.2026");
        let expected = read(plain.as_bytes()).unwrap();
        for changed in [
            format!("\u{feff}{plain}"),
            plain.replace('\n', "\r\n"),
            format!("{plain}\n"),
            format!("{plain}\r\n\r\n"),
        ] {
            assert_eq!(read(changed.as_bytes()).unwrap(), expected);
        }
        let apart = read(plain.replace("Charge;y", "\nCharge;y").as_bytes()).unwrap();
        assert_eq!(apart.compared[1].number, 4, "numbers are those of an editor");
    }

    #[test]
    fn an_open_quote_spoils_its_own_line_alone() {
        let lines =
            read(format!("{HEADER}\nCharge;x;1,00;EUR;\"22.05.2026\nCharge;y;2,00;EUR;22.05.2026").as_bytes()).unwrap();
        assert_eq!(lines.compared[0].said, Err(Defect::NoRecord));
        assert!(lines.compared[1].said.is_ok());
    }

    #[test]
    fn a_file_without_the_columns_is_no_statement() {
        let column = |name: &str| Err(NoStatement::Column(name.to_owned()));
        for (header, refused) in [
            ("", column("Merchant reference")),
            ("Type;Merchant reference;Gross;Currency", column("Booked on")),
            ("Merchant reference;Gross;Currency;Booked on", column("Type")),
            (
                "Type;Merchant reference;Gross;Gross;Currency;Booked on",
                column("Gross"),
            ),
            (
                "Type,Merchant reference,Gross,Currency,Booked on",
                column("Merchant reference"),
            ),
            (
                "Type;Merchant reference;\"Gross;Currency;Booked on",
                Err(NoStatement::NoHeader),
            ),
        ] {
            assert_eq!(read(header.as_bytes()), refused, "{header}");
        }
        let wide: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide), column("Merchant reference"));
    }

    #[test]
    fn more_lines_or_bytes_than_can_be_taken_are_refused_whole() {
        let lines = |count| format!("{HEADER}{}", "\nFee;;;;".repeat(count));
        assert_eq!(read(lines(Lines::MOST).as_bytes()).unwrap().other, 100_000);
        assert_eq!(read(lines(Lines::MOST + 1).as_bytes()), Err(NoStatement::TooManyLines));
        assert_eq!(read(&vec![b'\n'; Lines::MOST_BYTES + 1]), Err(NoStatement::TooLarge));
    }

    proptest! {
        #[test]
        fn every_line_with_something_in_it_is_accounted_for(body in prop::collection::vec(".{0,30}", 0..20)) {
            let file = format!("{HEADER}\n{}", body.join("\n"));
            let lines = read(file.as_bytes()).unwrap();
            let written = file.split('\n').skip(1).filter(|line| !matches!(*line, "" | "\r")).count();
            let other = usize::try_from(lines.other).unwrap();
            prop_assert_eq!(lines.compared.len() + other, written);
        }

        #[test]
        fn any_bytes_are_a_statement_or_none(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
