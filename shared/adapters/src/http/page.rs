//! Lists: what their queries ask for, and the page that answers.

use std::str::FromStr;

use domain::intent::{FieldError, Invalid};
use serde::Serialize;

use super::Call;

/// Reads a query and remembers every parameter that is wrong. One that is wrong reads as one that is not there, until
/// [`Query::checked`] tells of it.
#[derive(Debug)]
#[must_use = "only `checked` tells what is wrong"]
pub struct Query<'call> {
    call: &'call Call,
    errors: Vec<FieldError>,
}

impl<'call> Query<'call> {
    /// The query of a request.
    pub const fn of(call: &'call Call) -> Self {
        Self {
            call,
            errors: Vec::new(),
        }
    }

    /// A parameter as `read` understands it, whose error continues a sentence that begins with the parameter's name.
    pub fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<T> {
        match read(self.call.query(name)?) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.errors.push(FieldError {
                    pointer: format!("?{name}"),
                    detail: detail.to_owned(),
                });
                None
            }
        }
    }

    /// A parameter that is written as its type is; otherwise it is told what it `must` be.
    pub fn parsed<T: FromStr>(&mut self, name: &str, must: &'static str) -> Option<T> {
        self.read(name, |text| text.parse().map_err(|_| must))
    }

    /// Where an earlier page ended, as its `next` said.
    pub fn cursor<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.read(name, |text| read(text).ok_or("must be the `next` of an earlier page"))
    }

    /// The parameter `limit`, or the usual one.
    pub fn limit(&mut self) -> Limit {
        let limit = self.read("limit", |text| match text.parse() {
            Ok(rows @ 1..=Limit::MOST) => Ok(Limit(rows)),
            Ok(_) | Err(_) => Err("must be a whole number between 1 and 200"),
        });
        limit.unwrap_or(Limit::USUAL)
    }

    /// Hands on what was read, if nothing of it was wrong.
    ///
    /// # Errors
    /// [`Invalid::Fields`]: every parameter that is wrong, in the order they were read in; their pointers are `?name`.
    pub fn checked<T>(self, read: T) -> Result<T, Invalid> {
        if self.errors.is_empty() {
            Ok(read)
        } else {
            Err(Invalid::Fields(self.errors))
        }
    }
}

/// How many rows a page has at most: 1 to 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u8);

impl Limit {
    const MOST: u8 = 200;
    const USUAL: Self = Self(50);

    /// How many rows to look for: one more than the page has tells whether there is a next page.
    #[must_use]
    pub fn to_find(self) -> i32 {
        i32::from(self.0) + 1
    }

    /// The page of what was found; `cursor` tells where it ended.
    pub fn page<T, N>(self, found: impl IntoIterator<Item = T>, cursor: impl FnOnce(&T) -> N) -> Page<T, N> {
        let mut found = found.into_iter();
        let data: Vec<T> = found.by_ref().take(self.0.into()).collect();
        let next = found.next().and(data.last()).map(cursor);
        Page {
            object: "list",
            data,
            next,
        }
    }
}

/// A page on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T, N> {
    object: &'static str,
    data: Vec<T>,
    /// To be sent as the list's cursor for the next page; null on the last one.
    next: Option<N>,
}

impl<T, N> Page<T, N> {
    /// The same page of what `line` makes of each row.
    pub fn map<L>(self, line: impl FnMut(T) -> L) -> Page<L, N> {
        Page {
            object: self.object,
            data: self.data.into_iter().map(line).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use lambda_http::{Request, RequestExt};
    use serde_json::json;

    use super::*;

    fn call(parameters: &[(&str, &str)]) -> Call {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        let parameters: HashMap<_, _> = parameters.iter().map(owned).collect();
        Call(Request::default().with_query_string_parameters(parameters))
    }

    #[test]
    fn every_wrong_parameter_is_named_in_the_order_of_reading() {
        let call = call(&[("limit", "201"), ("open", "maybe"), ("before", "x"), ("fine", "1")]);
        let mut query = Query::of(&call);
        assert_eq!(query.parsed::<bool>("open", "must be true or false"), None);
        assert_eq!(query.cursor("before", |text| text.parse::<i64>().ok()), None);
        assert_eq!(query.parsed("fine", "must be a number"), Some(1));
        assert_eq!(query.parsed::<i64>("missing", "must be a number"), None);
        assert_eq!(query.limit(), Limit::USUAL);
        let Err(Invalid::Fields(errors)) = query.checked(()) else {
            panic!("three parameters are wrong");
        };
        let named: Vec<_> = errors.iter().map(|e| (e.pointer.as_str(), e.detail.as_str())).collect();
        let expected = [
            ("?open", "must be true or false"),
            ("?before", "must be the `next` of an earlier page"),
            ("?limit", "must be a whole number between 1 and 200"),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_limit_lies_between_1_and_200() {
        for (text, limit) in [
            ("1", Some(1)),
            ("200", Some(200)),
            ("0", None),
            ("201", None),
            ("", None),
        ] {
            let call = call(&[("limit", text)]);
            let mut query = Query::of(&call);
            let read = query.limit();
            assert_eq!(query.checked(read).ok(), limit.map(Limit), "{text:?}");
        }
    }

    #[test]
    fn only_a_row_more_than_the_page_holds_makes_a_next_page() {
        let limit = Limit(2);
        assert_eq!(limit.to_find(), 3);
        for (found, data, next) in [
            (vec![], json!([]), json!(null)),
            (vec![9, 8], json!([9, 8]), json!(null)),
            (vec![9, 8, 7], json!([9, 8]), json!(8)),
        ] {
            let page = serde_json::to_value(limit.page(found, |last| *last)).expect("a page is JSON");
            assert_eq!(page, json!({"object": "list", "data": data, "next": next}));
        }
    }
}
