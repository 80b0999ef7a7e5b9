//! The page in `_tables/` that says which file is whose.

use super::Engine;
use super::dialect::SCHEMA_VERSION;
use super::location::Location;
use crate::layout::Layout;

pub(super) fn page(location: &Location) -> String {
    let mut page = format!(
        "# The tables of this lake

The lake is `{}`: the tables `hits`, `sessions`, `late` and `rejected`, each a folder `<table>/date=YYYY-MM-DD/` of Parquet
files. Any engine reads them as they are; these files make them tables under their names, with the day as the column `date`,
and the view `session_hits`, in which each hit names the session that stands in `sessions`.

| engine | file |
| --- | --- |
",
        location.name()
    );
    let mut without = Vec::new();
    for engine in Engine::ALL {
        match engine.ddl(location) {
            Some(_) => page.push_str(&format!("| {} | `{}` |\n", engine.name(), engine.file_name())),
            None => without.push(engine.name()),
        }
    }
    if !without.is_empty() {
        page.push_str(&format!(
            "\nNothing here is for {}: there is no way to this lake from its URL alone.\n",
            without.join(", ")
        ));
    }
    page.push_str(&format!(
        "\nTributary’s lake-writer writes this folder at its start, {SCHEMA_VERSION}{}, and overwrites what was changed in it.\n",
        Layout::SCHEMA
    ));
    page
}
