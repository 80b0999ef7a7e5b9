//! Where an address is: country and region, from a file that the user names.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use maxminddb::{MaxMindDbError, PathElement, Reader};

use crate::stamp::{Stamp, stamp};

/// A database of addresses in MaxMind's format (GeoLite2, GeoIP2, DB-IP), in memory.
#[derive(Debug)]
pub struct Places(Reader<Vec<u8>>);

/// The file of places cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--geoip {}: {error}; it must be a file in MaxMind's format (.mmdb) with countries", .path.display())]
pub struct PlacesError {
    path: PathBuf,
    error: MaxMindDbError,
}

/// Where an address is, as far as the database knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// ISO 3166-1 alpha-2: `AT`.
    pub country: Option<String>,
    /// ISO 3166-2: `AT-9`.
    pub region: Option<String>,
}

const COUNTRY: [PathElement<'static>; 2] = [PathElement::Key("country"), PathElement::Key("iso_code")];
const REGION: [PathElement<'static>; 3] =
    [PathElement::Key("subdivisions"), PathElement::Index(0), PathElement::Key("iso_code")];

impl Places {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is something else.
    pub fn open(path: &Path) -> Result<Self, PlacesError> {
        Reader::open_readfile(path).map(Self).map_err(|error| PlacesError { path: path.to_owned(), error })
    }

    /// Where an address is. What the database does not know, or says in a way that cannot be read, is not known.
    pub fn find(&self, address: IpAddr) -> Place {
        let Ok(found) = self.0.lookup(address) else { return Place::default() };
        let code = |path: &[PathElement<'_>]| -> Option<&str> {
            found.decode_path(path).ok().flatten().filter(|code: &&str| is_code(code))
        };
        let country = code(&COUNTRY);
        let region = country.and_then(|country| code(&REGION).map(|region| format!("{country}-{region}")));
        Place { country: country.map(str::to_owned), region }
    }
}

/// The database as it was last read, and where from.
#[derive(Debug)]
pub(super) struct PlacesFile {
    path: PathBuf,
    /// The file's state when it was opened.
    pub(super) opened: Stamp,
    places: ArcSwap<Places>,
}

impl PlacesFile {
    pub(super) fn open(path: &Path) -> Result<Self, PlacesError> {
        // The state before the reading: a change in between is seen at the next look.
        let opened = stamp(path);
        Ok(Self { path: path.to_owned(), opened, places: ArcSwap::from_pointee(Places::open(path)?) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn find(&self, address: IpAddr) -> Place {
        self.places.load().find(address)
    }

    /// Reads the file again. One that cannot be used replaces nothing.
    pub(super) fn read_anew(&self) -> Result<(), PlacesError> {
        self.places.store(Arc::new(Places::open(&self.path)?));
        Ok(())
    }
}

fn is_code(code: &str) -> bool {
    (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database in which 203.0.113.0/24 is in Vienna, and which knows of nothing else: a tree of one branch.
    fn vienna() -> Vec<u8> {
        let network = u32::from_be_bytes([203, 0, 113, 0]);
        let mut database = Vec::new();
        for depth in 0..24_u32 {
            let onward = if depth == 23 { 24 + 16 } else { depth + 1 };
            let (left, right) = if network >> (31 - depth) & 1 == 0 { (onward, 24) } else { (24, onward) };
            database.extend([left, right].into_iter().flat_map(|record| record.to_be_bytes().into_iter().skip(1)));
        }
        database.extend([0; 16]);
        database.extend(map(&[
            ("country", map(&[("iso_code", text("AT"))])),
            ("subdivisions", [vec![0x01, 0x04], map(&[("iso_code", text("9"))])].concat()),
        ]));
        database.extend(b"\xab\xcd\xefMaxMind.com");
        database.extend(map(&[
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa0]),
            ("build_epoch", vec![0x00, 0x02]),
            ("database_type", text("Test-City")),
            ("description", map(&[])),
            ("ip_version", vec![0xa1, 4]),
            ("languages", vec![0x00, 0x04]),
            ("node_count", vec![0xc1, 24]),
            ("record_size", vec![0xa1, 24]),
        ]));
        database
    }

    fn text(text: &str) -> Vec<u8> {
        [&[0x40 | text.len() as u8], text.as_bytes()].concat()
    }

    fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let entries_bytes = entries.iter().flat_map(|(key, value)| [text(key), value.clone()].concat());
        std::iter::once(0xe0 | entries.len() as u8).chain(entries_bytes).collect()
    }

    fn open(bytes: &[u8]) -> Result<Places, PlacesError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Places::open(file.path())
    }

    #[test]
    fn an_address_is_in_a_country_and_a_region_or_nobody_knows() {
        let places = open(&vienna()).unwrap();
        let find = |address: &str| places.find(address.parse().unwrap());
        assert_eq!(find("203.0.113.77"), Place { country: Some("AT".into()), region: Some("AT-9".into()) });
        for address in ["203.0.114.1", "127.0.0.1", "2001:db8::1"] {
            assert_eq!(find(address), Place::default(), "{address}");
        }
    }

    #[test]
    fn the_tests_over_sockets_have_the_same_database() {
        assert_eq!(vienna(), include_bytes!("../../tests/http/places.mmdb"));
    }

    #[test]
    fn what_is_no_database_is_refused_and_one_that_is_damaged_knows_nothing() {
        let error = open(b"hello").unwrap_err().to_string();
        assert!(error.starts_with("--geoip ") && error.contains(".mmdb"), "{error}");
        let whole = vienna();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            if let Ok(places) = open(&damaged) {
                places.find("203.0.113.77".parse().unwrap());
            }
        }
    }
}
