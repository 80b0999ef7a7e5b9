//! Reads one record's JSON into the cells of a row, in one pass and without copying a text that has no escape.

use std::fmt;
use std::marker::PhantomData;

use events::OwnForm;
use events::text::is_plain;
use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use crate::batch::RowError;

/// A row that is being read: it knows its cells' names and takes them one by one.
pub(crate) trait Row<'a>: Default {
    /// The JSON names, in the order in which our own records have them.
    const NAMES: &'static [&'static str];

    /// Reads the value that comes next in a record of our own form into the cell of `NAMES[at]`; `None` where serde must
    /// read the record.
    fn read_own_form(&mut self, at: usize, record: &mut OwnForm<'a>) -> Option<()>;

    /// Reads the value that comes next into the cell of `NAMES[at]`.
    fn read<M: MapAccess<'a>>(&mut self, at: usize, map: &mut M) -> Result<(), M::Error>;

    /// Reads a value by itself; says whether it fits the cell.
    fn read_alone(&mut self, at: usize, json: &'a str) -> bool;
}

/// Reads a record into an empty row. Says how many cells had to be left empty because their values do not fit.
///
/// The engine takes a hit whose client time, say, is no time, since it does not need it. Such a hit is a row like
/// any other, or the promise that each hit becomes one would break: only its unreadable cells are left empty.
pub(crate) fn read_row<'a, R: Row<'a>>(value: &'a [u8], row: &mut R) -> Result<u64, RowError> {
    let text = std::str::from_utf8(value)
        .map_err(|error| RowError::NotJson(format!("not UTF-8 from byte {}", error.valid_up_to())))?;
    if read_own_form(text, row).is_some() {
        return Ok(0);
    }
    let (read, unreadable) = read_by_serde(text)?;
    *row = read;
    Ok(unreadable)
}

/// Reads a record that our own services wrote, in a third of the time that serde takes; or as far as it has their form.
fn read_own_form<'a, R: Row<'a>>(text: &'a str, row: &mut R) -> Option<()> {
    let mut record = OwnForm::begin(text)?;
    let mut expected = 0;
    loop {
        let next = (expected..R::NAMES.len()).find(|&at| record.is_named(R::NAMES[at]));
        if let Some(at) = next {
            expected = at + 1;
            row.read_own_form(at, &mut record)?;
        } else {
            // One that comes out of its order or that we do not know.
            let name = record.name()?;
            match place(R::NAMES, 0, name) {
                Some(at) => row.read_own_form(at, &mut record)?,
                // An escape in it may spell a name that we know.
                None => drop(is_plain(name).then(|| record.value())??),
            }
        }
        if !record.goes_on()? {
            return Some(());
        }
    }
}

/// A name's place. Our own records have their names in order, so the search starts behind the last one.
fn place(names: &[&str], expected: usize, name: &[u8]) -> Option<usize> {
    let is_it = |at: &usize| names[*at].as_bytes() == name;
    (expected..names.len()).find(is_it).or_else(|| (0..expected).find(is_it))
}

/// Reads any record.
fn read_by_serde<'a, R: Row<'a>>(text: &'a str) -> Result<(R, u64), RowError> {
    parse::<R, false>(text).or_else(|_| parse::<R, true>(text)).map_err(|error| RowError::NotJson(error.to_string()))
}

fn parse<'a, R: Row<'a>, const FORGIVING: bool>(text: &'a str) -> Result<(R, u64), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let row = json.deserialize_map(RowVisitor::<R, FORGIVING>(PhantomData))?;
    json.end()?;
    Ok(row)
}

struct RowVisitor<R, const FORGIVING: bool>(PhantomData<R>);

impl<'a, R: Row<'a>, const FORGIVING: bool> de::Visitor<'a> for RowVisitor<R, FORGIVING> {
    type Value = (R, u64);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(R, u64), M::Error> {
        let (mut row, mut unreadable, mut expected) = (R::default(), 0, 0);
        while let Some(found) = map.next_key_seed(Name { names: R::NAMES, expected })? {
            let Some(at) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            expected = at + 1;
            if FORGIVING {
                let value: &'a RawValue = map.next_value()?;
                unreadable += u64::from(!row.read_alone(at, value.get()));
            } else {
                row.read(at, &mut map)?;
            }
        }
        Ok((row, unreadable))
    }
}

/// Finds a name's place.
struct Name {
    names: &'static [&'static str],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(place(self.names, self.expected, name.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
