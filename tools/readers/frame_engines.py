"""Engines that have tables without SQL, and read the lake with nothing configured: pyarrow and polars."""


class PyArrow:
    name, uses_ddl = "pyarrow", False
    kinds = {
        "text": "string",
        "timestamp": "timestamp[us, tz=UTC]",
        "int32": "int32",
        "int64": "int64",
        "boolean": "bool",
        "date": "date32[day]",
        "list of text": "list<element: string not null>",
        "pages": "list<element: struct<path: string not null, title: string, time: timestamp[us, tz=UTC] not null> not null>",
    }

    def __init__(self):
        import pyarrow

        self.version = pyarrow.__version__

    def open(self, lake, of_several_versions=False):
        self.lake, self.of_several_versions = lake, of_several_versions

    def dataset(self, table):
        import pyarrow as pa
        import pyarrow.dataset as ds

        days = ds.partitioning(pa.schema([("date", pa.date32())]), flavor="hive")
        dataset = ds.dataset(self.lake / table, format="parquet", partitioning=days)
        if self.of_several_versions:
            of_files = [fragment.physical_schema for fragment in dataset.get_fragments()]
            dataset = dataset.replace_schema(pa.unify_schemas([*of_files, days.schema]))
        return dataset

    def types(self, table):
        return {field.name: str(field.type) for field in self.dataset(table).schema}

    def facts(self, table):
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = self.dataset(table).to_table()
        us = lambda column: pc.cast(column, pa.int64())
        distinct = lambda column: pc.count_distinct(column).as_py()
        found = {"row_count": rows.num_rows, "days": distinct(rows["date"])}
        if table == "hits":
            found |= {
                "offsets": pc.sum(rows["offset"]).as_py(),
                "sessions": distinct(rows["session_id"]),
                "visitors": distinct(rows["visitor_id"]),
                "first": pc.min(us(rows["time"])).as_py(),
                "last": pc.max(us(rows["time"])).as_py(),
                "with_props": pc.count(rows["props"]).as_py(),
                "pageviews": pc.sum(pc.equal(rows["type"], "pageview")).as_py(),
                "bots": pc.sum(rows["is_bot"]).as_py(),
                "title_chars": pc.sum(pc.utf8_length(rows["title"])).as_py() or 0,
                "seqs": pc.count(rows["session_seq"]).as_py(),
            }
        elif table == "sessions":
            pages = pc.list_flatten(rows["pages"])
            times, paths = us(pc.struct_field(pages, "time")), pc.struct_field(pages, "path")
            found |= {
                "hits": pc.sum(rows["hit_count"]).as_py(),
                "duration": pc.sum(rows["duration_ms"]).as_py(),
                "pages": pc.sum(pc.list_value_length(rows["pages"])).as_py(),
                "merged": pc.sum(pc.list_value_length(rows["merged_ids"])).as_py(),
                "last": pc.max(us(rows["end"])).as_py(),
                "bounces": pc.sum(rows["is_bounce"]).as_py(),
                "exits": pc.count(rows["exit_page"]).as_py(),
                "page_rows": len(pages),
                "page_paths": distinct(paths),
                "page_first": pc.min(times).as_py(),
                "page_last": pc.max(times).as_py(),
            }
        elif table == "late":
            found |= {
                "offsets": pc.sum(rows["raw_offset"]).as_py(),
                "reasons": distinct(rows["late_reason"]),
                "last": pc.max(us(rows["time"])).as_py(),
                "missed": pc.count(rows["missed_session_id"]).as_py(),
            }
        else:
            found |= {
                "reasons": distinct(rows["reason"]),
                "pointers": pc.count(rows["pointer"]).as_py(),
                "last": pc.max(us(rows["time"])).as_py(),
                "hashes": pc.count(rows["raw_hash"]).as_py(),
            }
        return found


class Polars:
    name, uses_ddl = "polars", False
    kinds = {
        "text": "String",
        "timestamp": "Datetime(time_unit='us', time_zone='UTC')",
        "int32": "Int32",
        "int64": "Int64",
        "boolean": "Boolean",
        "date": "Date",
        "list of text": "List(String)",
        "pages": "List(Struct({'path': String, 'title': String, 'time': Datetime(time_unit='us', time_zone='UTC')}))",
    }

    def __init__(self):
        import polars

        self.version = polars.__version__

    def open(self, lake, of_several_versions=False):
        self.lake, self.of_several_versions = lake, of_several_versions

    def scan(self, table):
        import polars as pl

        options = {}
        if self.of_several_versions:
            newest = sorted((self.lake / table).glob("*/*.parquet"))[-1]
            schema = pl.scan_parquet(newest, hive_partitioning=False).collect_schema()
            options = {"schema": schema, "missing_columns": "insert", "extra_columns": "ignore"}
        return pl.scan_parquet(self.lake / table, hive_partitioning=True, **options)

    def types(self, table):
        return {name: str(data_type) for name, data_type in self.scan(table).collect_schema().items()}

    def facts(self, table):
        import polars as pl

        c, count = pl.col, pl.len().alias("row_count")
        us = lambda name: c(name).dt.timestamp("us")
        days = c("date").n_unique().alias("days")
        if table == "hits":
            wanted = [
                c("offset").sum().alias("offsets"),
                c("session_id").drop_nulls().n_unique().alias("sessions"),
                c("visitor_id").drop_nulls().n_unique().alias("visitors"),
                us("time").min().alias("first"),
                us("time").max().alias("last"),
                c("props").count().alias("with_props"),
                (c("type") == "pageview").sum().alias("pageviews"),
                c("is_bot").sum().alias("bots"),
                c("title").str.len_chars().sum().alias("title_chars"),
                c("session_seq").count().alias("seqs"),
            ]
        elif table == "sessions":
            wanted = [
                c("hit_count").cast(pl.Int64).sum().alias("hits"),
                c("duration_ms").sum().alias("duration"),
                c("pages").list.len().sum().alias("pages"),
                c("merged_ids").list.len().sum().alias("merged"),
                us("end").max().alias("last"),
                c("is_bounce").sum().alias("bounces"),
                c("exit_page").count().alias("exits"),
            ]
        elif table == "late":
            wanted = [
                c("raw_offset").sum().alias("offsets"),
                c("late_reason").n_unique().alias("reasons"),
                us("time").max().alias("last"),
                c("missed_session_id").count().alias("missed"),
            ]
        else:
            wanted = [
                c("reason").n_unique().alias("reasons"),
                c("pointer").count().alias("pointers"),
                us("time").max().alias("last"),
                c("raw_hash").count().alias("hashes"),
            ]
        found = self.scan(table).select(count, days, *wanted).collect().to_dicts()[0]
        if table == "sessions":
            pages = self.scan(table).select(c("pages").list.explode()).drop_nulls().unnest("pages")
            found |= (
                pages.select(
                    pl.len().alias("page_rows"),
                    c("path").n_unique().alias("page_paths"),
                    us("time").min().alias("page_first"),
                    us("time").max().alias("page_last"),
                )
                .collect()
                .to_dicts()[0]
            )
        return found
