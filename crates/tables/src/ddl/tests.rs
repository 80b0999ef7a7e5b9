use super::*;

const LAKES: [(&str, &str); 5] = [
    ("folder", "/data/it's a lake"),
    ("s3", "s3://bucket/lake"),
    ("gcs", "gs://bucket/lake"),
    ("azure", "az://container/lake"),
    ("azure_account", "abfss://container@account.dfs.core.windows.net/lake"),
];

/// The text is public, and other tests read it from these files: engines run it, and parsers of the dialects that have no
/// engine here read it.
#[test]
fn each_engine_that_can_reach_a_lake_has_its_sql() {
    for (name, lake) in LAKES {
        let location: Location = lake.parse().unwrap();
        for file in reader_files(&location) {
            let of = file.path.strip_prefix("_tables/").unwrap();
            insta::assert_snapshot!(format!("{name}_{of}"), file.text);
        }
    }
}

#[test]
fn every_column_of_every_table_is_in_every_file() {
    for (_, lake) in LAKES {
        for file in reader_files(&lake.parse().unwrap()).iter().filter(|file| file.path.ends_with(".sql")) {
            let sections: Vec<_> = file.text.split("\nCREATE ").skip(1).collect();
            for table in crate::Table::ALL {
                let of_table = |section: &&&str| {
                    let head = section.lines().next().unwrap_or_default();
                    head.split(|at: char| !at.is_alphanumeric() && at != '_').any(|word| word == table.name())
                };
                let section = sections.iter().find(of_table).unwrap_or_else(|| panic!("{}: no {table}", file.path));
                for column in table.columns() {
                    let name = column.name;
                    let is_there =
                        [format!("\"{name}\""), format!("`{name}`")].iter().any(|name| section.contains(name));
                    assert!(is_there, "{}: {table} without {name}", file.path);
                }
            }
        }
    }
}

#[test]
fn a_path_with_a_quotation_mark_stays_within_its_text() {
    let files = reader_files(&"/data/it's a lake".parse().unwrap());
    let duckdb = &files.iter().find(|file| file.path.ends_with("duckdb.sql")).unwrap().text;
    assert!(duckdb.contains("read_parquet('/data/it''s a lake/hits/*/*.parquet',"), "{duckdb}");
}
