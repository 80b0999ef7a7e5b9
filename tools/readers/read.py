#!/usr/bin/env python3
"""Has each engine read the lakes of lakes.py, with the lake's own DDL or with nothing configured, and compares what it
finds with what plain Python counts: rows, sums, times, lists, and the types that docs/tables.md documents.

  tools/readers/read.py --tributary BINARY [--engine duckdb]…

Prints a table; exits 1 where a check failed. Each engine runs in a process of its own."""

import argparse, json, pathlib, subprocess, sys, tempfile

import evolution, expected, frame_engines, lakes, sql_engines

ENGINES = {
    "duckdb": sql_engines.DuckDb,
    "pyarrow": frame_engines.PyArrow,
    "polars": frame_engines.Polars,
    "datafusion": sql_engines.DataFusion,
    "spark": sql_engines.Spark,
    "clickhouse": sql_engines.ClickHouse,
}


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, []

    def same(self, what, found, wanted):
        if found == wanted:
            self.passed += 1
        else:
            self.failed.append(f"{what}: found {found}, not {wanted}")


def read(engine, folder, checks):
    """What an engine finds in the lakes; the rows that the table shows."""
    shown = {}
    for lake in ("access", "shop"):
        engine.open(folder / lake)
        for table in sql_engines.TABLES:
            if not engine.uses_ddl and not (folder / lake / table).is_dir():
                continue
            wanted = json.loads((folder / f"{lake}.json").read_text())[table]
            found = engine.facts(table)
            for fact, value in wanted.items():
                checks.same(f"{lake}.{table}.{fact}", found.get(fact), value)
            kind = getattr(engine, "kind", lambda documented, optional: engine.kinds[documented])
            types = {name: kind(*of) for name, of in expected.documented_types(table).items()}
            checks.same(f"{lake}.{table}: columns", sorted(engine.types(table)), sorted(types))
            for name, data_type in types.items():
                checks.same(f"{lake}.{table}.{name}: type", engine.types(table).get(name), data_type)
            shown[lake, table] = found["row_count"]
        if engine.uses_ddl:
            hits, sessions = shown[lake, "hits"], json.loads((folder / f"{lake}.json").read_text())["sessions"]
            unresolved, resolved = engine.resolved()
            checks.same(f"{lake}: hits of a session in session_hits", resolved, hits)
            checks.same(f"{lake}: hits that name a merged session", unresolved < hits, sessions["merged"] > 0)
    return shown


def one_engine(name, folder):
    checks, engine = Checks(), ENGINES[name]()
    shown = read(engine, folder, checks)
    evolution.read(engine, folder, checks)
    hits, sessions = (f"{shown['access', table]} + {shown['shop', table]}" for table in ("hits", "sessions"))
    how = "_tables/ DDL" if engine.uses_ddl else "nothing"
    print(json.dumps([engine.name, engine.version, how, hits, sessions, checks.passed, checks.failed]))


def make_lakes(tributary, folder):
    """Makes the lakes, and says what readers must find in them. Checks that against what replay counted."""
    for lake, make in (("access", lakes.make_access_lake), ("shop", lakes.make_shop_lake)):
        summary = make(tributary, folder)
        wanted = {table: expected.facts(folder / lake, table) for table in sql_engines.TABLES}
        hits = summary["accepted"] - summary["duplicates"] - summary["late"]
        assert wanted["hits"]["row_count"] == wanted["sessions"]["hits"] == hits, summary
        assert wanted["sessions"]["row_count"] == summary["sessions"], summary
        assert (
            wanted["late"]["row_count"] == summary["late"] and wanted["rejected"]["row_count"] == summary["rejected"]
        ), summary
        if lake == "access" and lakes.access_log() != lakes.SAMPLE:
            known = {"row_count": 9999, "visitors": 1861, "sessions": 3223}
            assert {name: wanted["hits"][name] for name in known} == known, wanted["hits"]
        if lake == "shop":
            assert (
                wanted["late"]["row_count"] > 20
                and wanted["sessions"]["merged"] > 20
                and wanted["rejected"]["reasons"] == 2
            ), wanted
        (folder / f"{lake}.json").write_text(json.dumps(wanted))
    evolution.make_lake(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tributary", type=pathlib.Path, required=True)
    parser.add_argument("--engine", action="append", choices=list(ENGINES))
    parser.add_argument("--lakes", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.lakes:
        return one_engine(args.engine[0], args.lakes)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        make_lakes(args.tributary.absolute(), pathlib.Path(folder))
        print(
            f"{'engine':<11} {'version':<18} {'configured':<13} {'hits':>12} {'sessions':>12} {'passed':>7} {'failed':>7}",
            flush=True,
        )
        for name in args.engine or ENGINES:
            command = [sys.executable, __file__, "--tributary", args.tributary, "--engine", name, "--lakes", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
            if done.returncode:
                print(f"{name:<11} did not run:\n{done.stderr[-3000:]}", flush=True)
                failures += 1
                continue
            engine, version, how, hits, sessions, passed, failed = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{engine:<11} {version:<18} {how:<13} {hits:>12} {sessions:>12} {passed:>7} {len(failed):>7}",
                flush=True,
            )
            for line in failed:
                print(f"    {line}")
            failures += len(failed)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
