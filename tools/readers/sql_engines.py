"""Engines that speak SQL and use the lake's own DDL: DuckDB, Spark, ClickHouse. And DataFusion, which needs none."""

import pathlib

TABLES = ("hits", "sessions", "late", "rejected")


class SqlEngine:
    """What is asked of each table, in words that differ from engine to engine."""

    quote = '"'
    uses_ddl = True

    def us(self, time):
        raise NotImplementedError

    def size(self, array):
        raise NotImplementedError

    def pages(self):
        """A relation of each session's pages, as `time` and `path`."""
        raise NotImplementedError

    def chars(self, text):
        return f"char_length({text})"

    def facts(self, table):
        q, us = lambda name: f"{self.quote}{name}{self.quote}", lambda name: self.us(f"{self.quote}{name}{self.quote}")
        date = f"count(distinct {q('date')}) AS days"
        if table == "hits":
            wanted = [
                f"sum({q('offset')}) AS offsets",
                "count(distinct session_id) AS sessions",
                "count(distinct visitor_id) AS visitors",
                f"min({us('time')}) AS first",
                f"max({us('time')}) AS last",
                "count(props) AS with_props",
                f"sum(CASE WHEN {q('type')} = 'pageview' THEN 1 ELSE 0 END) AS pageviews",
                "sum(CASE WHEN is_bot THEN 1 ELSE 0 END) AS bots",
                f"coalesce(sum({self.chars('title')}), 0) AS title_chars",
                "count(session_seq) AS seqs",
                date,
            ]
        elif table == "sessions":
            wanted = [
                "sum(hit_count) AS hits",
                "sum(duration_ms) AS duration",
                f"sum({self.size('pages')}) AS pages",
                f"sum({self.size('merged_ids')}) AS merged",
                f"max({us('end')}) AS last",
                "sum(CASE WHEN is_bounce THEN 1 ELSE 0 END) AS bounces",
                "count(exit_page) AS exits",
                date,
            ]
        elif table == "late":
            wanted = [
                "sum(raw_offset) AS offsets",
                "count(distinct late_reason) AS reasons",
                f"max({us('time')}) AS last",
                "count(missed_session_id) AS missed",
                date,
            ]
        else:
            wanted = [
                "count(distinct reason) AS reasons",
                "count(pointer) AS pointers",
                f"max({us('time')}) AS last",
                "count(raw_hash) AS hashes",
                date,
            ]
        found = self.row(f"SELECT count(*) AS row_count, {', '.join(wanted)} FROM {table}")
        if table == "sessions":
            found |= self.row(
                f"SELECT count(*) AS page_rows, count(distinct path) AS page_paths, min({us('time')}) AS page_first, max({us('time')}) AS page_last FROM ({self.pages()}) AS p"
            )
        return {name: int(value or 0) for name, value in found.items()}

    def without_ddl(self, lake):
        """How many rows the files of `hits` have, and how many say something in a column that older files lack, and in one that
        today's lack: as docs/tables.md says that the engine reads them without the DDL."""
        found = self.row(
            f"SELECT count(*) AS n, count(device) AS device, count(of_tomorrow) AS of_tomorrow FROM {self.files(lake / 'hits')}"
        )
        return [int(value) for value in found.values()]

    def resolved(self):
        """How many hits name a session that is there: by themselves, and in the view that resolves merges."""
        count = "SELECT count(*) AS n FROM {} AS h JOIN sessions AS s ON s.session_id = h.session_id"
        return [int(self.row(count.format(of))["n"]) for of in ("hits", "session_hits")]


class DuckDb(SqlEngine):
    name = "DuckDB"
    kinds = {
        "text": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "boolean": "BOOLEAN",
        "date": "DATE",
        "list of text": "VARCHAR[]",
        "pages": 'STRUCT(path VARCHAR, title VARCHAR, "time" TIMESTAMP WITH TIME ZONE)[]',
    }

    def __init__(self):
        import duckdb

        self.version, self.connection = duckdb.__version__, duckdb.connect()

    def open(self, lake, of_several_versions=False):
        self.connection.execute((lake / "_tables/duckdb.sql").read_text())
        if of_several_versions:
            self.connection.execute("SET VARIABLE several_versions = true")

    def row(self, sql):
        done = self.connection.execute(sql)
        return dict(zip([column[0] for column in done.description], done.fetchone()))

    def files(self, folder):
        return f"read_parquet('{folder}/*/*.parquet', union_by_name = true)"

    def types(self, table):
        return {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE {table}").fetchall()}

    def us(self, time):
        return f"epoch_us({time})"

    def size(self, array):
        return f"len({array})"

    def pages(self):
        return 'SELECT page."time" AS "time", page.path AS path FROM (SELECT unnest(pages) AS page FROM sessions)'


class Spark(SqlEngine):
    name, quote = "Spark", "`"
    kinds = {
        "text": "string",
        "timestamp": "timestamp",
        "int32": "int",
        "int64": "bigint",
        "boolean": "boolean",
        "date": "date",
        "list of text": "array<string>",
        "pages": "array<struct<path:string,title:string,time:timestamp>>",
    }

    def __init__(self):
        import tempfile, pyspark
        from pyspark.sql import SparkSession

        self.version, self.folder = pyspark.__version__, tempfile.TemporaryDirectory()
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": self.folder.name,
        }
        builder = SparkSession.builder.master("local[2]")
        for key, value in settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")

    def open(self, lake, of_several_versions=False):
        for table in TABLES:
            self.session.sql(f"DROP TABLE IF EXISTS {table}")
        for statement in statements(lake / "_tables/spark.sql"):
            self.session.sql(statement)

    def row(self, sql):
        return self.session.sql(sql).collect()[0].asDict()

    def files(self, folder):
        self.session.read.option("mergeSchema", True).parquet(str(folder)).createOrReplaceTempView("files")
        return "files"

    def types(self, table):
        rows = self.session.sql(f"DESCRIBE {table}").collect()
        return {
            row["col_name"]: row["data_type"]
            for row in rows
            if row["data_type"] and not row["col_name"].startswith("#")
        }

    def us(self, time):
        return f"unix_micros({time})"

    def size(self, array):
        return f"size({array})"

    def pages(self):
        return "SELECT page.`time` AS `time`, page.path AS path FROM (SELECT explode(pages) AS page FROM sessions)"


class ClickHouse(SqlEngine):
    name, quote = "ClickHouse", "`"
    kinds = {
        "text": "String",
        "timestamp": "DateTime64(6, 'UTC')",
        "int32": "Int32",
        "int64": "Int64",
        "boolean": "Bool",
        "date": "Date",
        "list of text": "Array(String)",
        "pages": "Array(Tuple(path String, title Nullable(String), time DateTime64(6, 'UTC')))",
    }

    def __init__(self):
        from chdb import session

        self.session = session.Session()
        self.version = self.row("SELECT version() AS version")["version"] + " (chdb)"

    def open(self, lake, of_several_versions=False):
        for statement in statements(lake / "_tables/clickhouse.sql"):
            self.session.query(statement)

    def row(self, sql):
        import json

        return json.loads(str(self.session.query(sql, "JSONEachRow")).splitlines()[0])

    def files(self, folder):
        return f"file('{folder}/*/*.parquet') SETTINGS schema_inference_mode = 'union'"

    def types(self, table):
        import json

        rows = [json.loads(line) for line in str(self.session.query(f"DESCRIBE {table}", "JSONEachRow")).splitlines()]
        plain = lambda text: " ".join(text.replace("\n", " ").split()).replace("( ", "(").replace(" )", ")")
        return {row["name"]: plain(row["type"]) for row in rows}

    def kind(self, documented, optional):
        return f"Nullable({self.kinds[documented]})" if optional else self.kinds[documented]

    def us(self, time):
        return f"toUnixTimestamp64Micro({time})"

    def size(self, array):
        return f"length({array})"

    def pages(self):
        return "SELECT page.time AS `time`, page.path AS path FROM (SELECT arrayJoin(pages) AS page FROM sessions)"


class DataFusion(SqlEngine):
    name, uses_ddl = "DataFusion", False
    kinds = {
        "text": "string_view",
        "timestamp": "timestamp[us, tz=UTC]",
        "int32": "int32",
        "int64": "int64",
        "boolean": "bool",
        "date": "date32[day]",
        "list of text": "list<element: string not null>",
        "pages": "list<element: struct<path: string not null, title: string, time: timestamp[us, tz=UTC] not null> not null>",
    }

    def __init__(self):
        import datafusion

        self.version = datafusion.__version__

    def open(self, lake, of_several_versions=False):
        import datafusion, pyarrow

        self.context = datafusion.SessionContext()
        for table in TABLES:
            if (lake / table).is_dir():
                self.context.register_parquet(
                    table, str(lake / table), table_partition_cols=[("date", pyarrow.date32())]
                )

    def row(self, sql):
        return self.context.sql(sql).to_pylist()[0]

    def types(self, table):
        return {field.name: str(field.type) for field in self.context.table(table).schema()}

    def us(self, time):
        return f"arrow_cast({time}, 'Int64')"

    def size(self, array):
        return f"cardinality({array})"

    def pages(self):
        return "SELECT page['time'] AS \"time\", page['path'] AS path FROM (SELECT unnest(pages) AS page FROM sessions)"


def statements(path):
    """A script's statements, without the lines that are comments alone."""
    text = "\n".join(line for line in pathlib.Path(path).read_text().splitlines() if not line.startswith("-- "))
    return [one.strip() for one in text.split(";\n") if one.strip()]
