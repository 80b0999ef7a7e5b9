//! What a column holds: how one of its cells is read from JSON, and how it stands in Parquet.
//!
//! Engines of every kind read these files, so the types are the plain ones: signed integers, microseconds in UTC,
//! lists whose element is called `element`; no dictionary and no view types.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use events::{OwnForm, Text, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A kind of cell.
pub(crate) trait Cell {
    /// The cell as the record's JSON has it, borrowed where that is possible.
    type Value<'a>: Deserialize<'a>;
    /// What gathers a column of them.
    type Builder: ArrayBuilder;

    fn data_type() -> DataType;
    fn builder() -> Self::Builder;

    /// Reads the cell that comes next in a record of our own form; `None` where serde must read the record.
    fn read<'a>(record: &mut OwnForm<'a>) -> Option<Self::Value<'a>> {
        serde_json::from_str(record.value()?.get()).ok()
    }

    fn append(builder: &mut Self::Builder, value: Option<Self::Value<'_>>);
}

/// A text.
pub(crate) struct Utf8;
/// Any JSON, kept as the text that it is.
pub(crate) struct Json;
/// A moment: milliseconds in the record, microseconds in the file.
pub(crate) struct Time;
/// Yes or no.
pub(crate) struct Flag;
/// A small count.
pub(crate) struct Int32;
/// An offset, or a duration in milliseconds.
pub(crate) struct Int64;
/// A list of texts.
pub(crate) struct Texts;
/// A session's pages: a list of structs.
pub(crate) struct Pages;

impl Cell for Utf8 {
    type Value<'a> = Text<'a>;
    type Builder = StringBuilder;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn builder() -> StringBuilder {
        StringBuilder::new()
    }

    fn read<'a>(record: &mut OwnForm<'a>) -> Option<Text<'a>> {
        match record.text() {
            Some(text) => Some(text.into()),
            // One with escapes.
            None => serde_json::from_str(record.value()?.get()).ok(),
        }
    }

    fn append(builder: &mut StringBuilder, value: Option<Text<'_>>) {
        builder.append_option(value.as_deref());
    }
}

impl Cell for Json {
    type Value<'a> = &'a RawValue;
    type Builder = StringBuilder;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn builder() -> StringBuilder {
        StringBuilder::new()
    }

    fn read<'a>(record: &mut OwnForm<'a>) -> Option<&'a RawValue> {
        // serde takes `null` for nothing.
        record.value().filter(|value| value.get() != "null")
    }

    fn append(builder: &mut StringBuilder, value: Option<&RawValue>) {
        builder.append_option(value.map(RawValue::get));
    }
}

const ZONE: &str = "UTC";

fn micros(time: Timestamp) -> i64 {
    time.as_millis().saturating_mul(1000)
}

impl Cell for Time {
    type Value<'a> = Timestamp;
    type Builder = TimestampMicrosecondBuilder;

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into()))
    }

    fn builder() -> TimestampMicrosecondBuilder {
        TimestampMicrosecondBuilder::new().with_timezone(ZONE)
    }

    fn read(record: &mut OwnForm<'_>) -> Option<Timestamp> {
        record.text()?.parse().ok()
    }

    fn append(builder: &mut TimestampMicrosecondBuilder, value: Option<Timestamp>) {
        builder.append_option(value.map(micros));
    }
}

impl Cell for Flag {
    type Value<'a> = bool;
    type Builder = BooleanBuilder;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn builder() -> BooleanBuilder {
        BooleanBuilder::new()
    }

    fn read(record: &mut OwnForm<'_>) -> Option<bool> {
        record.flag()
    }

    fn append(builder: &mut BooleanBuilder, value: Option<bool>) {
        builder.append_option(value);
    }
}

impl Cell for Int32 {
    type Value<'a> = i32;
    type Builder = Int32Builder;

    fn data_type() -> DataType {
        DataType::Int32
    }

    fn builder() -> Int32Builder {
        Int32Builder::new()
    }

    fn read(record: &mut OwnForm<'_>) -> Option<i32> {
        record.count()?.try_into().ok()
    }

    fn append(builder: &mut Int32Builder, value: Option<i32>) {
        builder.append_option(value);
    }
}

impl Cell for Int64 {
    type Value<'a> = i64;
    type Builder = Int64Builder;

    fn data_type() -> DataType {
        DataType::Int64
    }

    fn builder() -> Int64Builder {
        Int64Builder::new()
    }

    fn read(record: &mut OwnForm<'_>) -> Option<i64> {
        record.count()
    }

    fn append(builder: &mut Int64Builder, value: Option<i64>) {
        builder.append_option(value);
    }
}

/// A list's element under the name that the Parquet specification gives it.
fn element(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", data_type, false))
}

impl Cell for Texts {
    type Value<'a> = Vec<Text<'a>>;
    type Builder = ListBuilder<StringBuilder>;

    fn data_type() -> DataType {
        DataType::List(element(DataType::Utf8))
    }

    fn builder() -> Self::Builder {
        ListBuilder::new(StringBuilder::new()).with_field(element(DataType::Utf8))
    }

    fn append(builder: &mut Self::Builder, value: Option<Vec<Text<'_>>>) {
        for text in value.iter().flatten() {
            builder.values().append_value(&**text);
        }
        builder.append(value.is_some());
    }
}

/// One page of a session.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct PageValue<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    time: Timestamp,
}

fn page_fields() -> Fields {
    Fields::from(vec![
        Field::new("path", Utf8::data_type(), false),
        Field::new("title", Utf8::data_type(), true),
        Field::new("time", Time::data_type(), false),
    ])
}

impl Cell for Pages {
    type Value<'a> = Vec<PageValue<'a>>;
    type Builder = ListBuilder<StructBuilder>;

    fn data_type() -> DataType {
        DataType::List(element(DataType::Struct(page_fields())))
    }

    fn builder() -> Self::Builder {
        let fields: [Box<dyn ArrayBuilder>; 3] =
            [Box::new(Utf8::builder()), Box::new(Utf8::builder()), Box::new(Time::builder())];
        let pages = StructBuilder::new(page_fields(), fields.into());
        ListBuilder::new(pages).with_field(element(DataType::Struct(page_fields())))
    }

    fn append(builder: &mut Self::Builder, value: Option<Vec<PageValue<'_>>>) {
        let is_there = value.is_some();
        let pages = builder.values();
        for page in value.into_iter().flatten() {
            append_field::<Utf8>(pages, 0, Some(page.path));
            append_field::<Utf8>(pages, 1, page.title);
            append_field::<Time>(pages, 2, Some(page.time));
            pages.append(true);
        }
        builder.append(is_there);
    }
}

fn append_field<C: Cell>(of: &mut StructBuilder, at: usize, value: Option<C::Value<'_>>) {
    let builder = of.field_builder::<C::Builder>(at).expect("the struct was built with this kind of cell here");
    C::append(builder, value);
}
