//! `columns!`: one list of names, kinds and meanings makes a table's row, its columns and its schema.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use events::Timestamp;

use crate::batch::RowError;

/// One column of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// The name: the record's JSON name.
    pub name: &'static str,
    /// The Arrow type.
    pub data_type: DataType,
    /// Whether a row may have nothing there.
    pub nullable: bool,
    /// One sentence for the data dictionary.
    pub meaning: &'static str,
}

/// A table's columns while rows gather in them.
pub(crate) trait Columns: Send {
    /// Reads a record and appends it as a row: to all columns, or on an error to none.
    fn push(&mut self, value: &[u8], placed: &mut dyn FnMut(Placed<'_>)) -> Result<(), RowError>;

    /// The columns, which are empty afterwards.
    fn take(&mut self) -> Vec<ArrayRef>;
}

/// What decides where a row stands in the lake.
pub(crate) struct Placed<'a> {
    /// Its site, where it has one.
    pub(crate) site: Option<&'a str>,
    /// The time that it is dated by.
    pub(crate) time: Timestamp,
    /// How many of its cells could not be read and were left empty.
    pub(crate) unreadable_cells: u64,
}

/// The JSON name of a column: the field's, or another where that is a word of Rust's.
macro_rules! json_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $json:literal) => {
        $json
    };
}

/// Whether a column may be empty.
macro_rules! nullable {
    (required) => {
        false
    };
    (defaulted) => {
        false
    };
    (optional) => {
        true
    };
}

/// The cell to append: as it is, or the kind's default where it is absent.
macro_rules! cell_value {
    (defaulted $value:expr) => {
        Some($value.unwrap_or_default())
    };
    ($presence:ident $value:expr) => {
        $value
    };
}

/// Fails where a required cell is absent.
macro_rules! check_presence {
    (required $value:expr, $name:expr) => {
        if $value.is_none() {
            return Err($crate::batch::RowError::Missing($name));
        }
    };
    ($presence:ident $value:expr, $name:expr) => {};
}

/// Defines a table's row and columns. Each line is a presence (`required`, `optional`, or `defaulted`: false, 0 or
/// an empty list where absent), a name, and a kind of cell; its doc comment is the meaning that readers see.
/// The last line names the cells that give a row its place.
macro_rules! columns {
    (
        $row:ident, $columns:ident {
            $( #[doc = $meaning:literal] $presence:ident $field:ident $(as $json:literal)? : $cell:ty, )*
        }
        site: $site:ident, time: $time:ident
    ) => {
        #[derive(Default)]
        #[cfg_attr(test, derive(Debug))]
        pub(crate) struct $row<'a> {
            $( $field: Option<<$cell as $crate::cell::Cell>::Value<'a>>, )*
        }

        #[allow(non_camel_case_types)]
        enum Place { $( $field, )* }

        impl<'a> $crate::row::Row<'a> for $row<'a> {
            const NAMES: &'static [&'static str] = &[ $( $crate::columns::json_name!($field $($json)?), )* ];

            fn read_own_form(&mut self, at: usize, record: &mut events::OwnForm<'a>) -> Option<()> {
                match at {
                    $( place if place == Place::$field as usize => {
                        self.$field = Some(<$cell as $crate::cell::Cell>::read(record)?);
                    } )*
                    _ => unreachable!("a place comes from NAMES"),
                }
                Some(())
            }

            fn read<M: serde::de::MapAccess<'a>>(&mut self, at: usize, map: &mut M) -> Result<(), M::Error> {
                match at {
                    $( place if place == Place::$field as usize => self.$field = map.next_value()?, )*
                    _ => unreachable!("a place comes from NAMES"),
                }
                Ok(())
            }

            fn read_alone(&mut self, at: usize, json: &'a str) -> bool {
                match at {
                    $( place if place == Place::$field as usize => match serde_json::from_str(json) {
                        Ok(value) => self.$field = value,
                        Err(_) => return false,
                    }, )*
                    _ => unreachable!("a place comes from NAMES"),
                }
                true
            }
        }

        pub(crate) struct $columns {
            $( $field: <$cell as $crate::cell::Cell>::Builder, )*
        }

        impl Default for $columns {
            fn default() -> Self {
                Self { $( $field: <$cell as $crate::cell::Cell>::builder(), )* }
            }
        }

        impl $columns {
            /// The columns, in order.
            pub(crate) fn describe() -> Vec<$crate::columns::Column> {
                vec![ $( $crate::columns::Column {
                    name: $crate::columns::json_name!($field $($json)?),
                    data_type: <$cell as $crate::cell::Cell>::data_type(),
                    nullable: $crate::columns::nullable!($presence),
                    meaning: $meaning.trim_ascii(),
                }, )* ]
            }
        }

        impl $crate::columns::Columns for $columns {
            fn push(
                &mut self,
                value: &[u8],
                placed: &mut dyn FnMut($crate::columns::Placed<'_>),
            ) -> Result<(), $crate::batch::RowError> {
                let mut row = $row::default();
                let unreadable_cells = $crate::row::read_row(value, &mut row)?;
                $( $crate::columns::check_presence!(
                    $presence row.$field, $crate::columns::json_name!($field $($json)?)
                ); )*
                placed($crate::columns::Placed {
                    site: row.$site.as_deref(),
                    time: row.$time.ok_or($crate::batch::RowError::Missing(stringify!($time)))?,
                    unreadable_cells,
                });
                $( <$cell as $crate::cell::Cell>::append(
                    &mut self.$field, $crate::columns::cell_value!($presence row.$field)
                ); )*
                Ok(())
            }

            fn take(&mut self) -> Vec<arrow::array::ArrayRef> {
                vec![ $( arrow::array::ArrayBuilder::finish(&mut self.$field), )* ]
            }
        }
    };
}

pub(crate) use {cell_value, check_presence, columns, json_name, nullable};
