#!/usr/bin/env python3
"""DuckDB over s3://: replays the access log into a bucket of a real store, runs the lake's own _tables/duckdb.sql as it
stands, and holds the counts against what replay said.

  tools/readers/over_s3.py --tributary BINARY --store BINARY

`--store` is the workspace's object-servers. DuckDB's own way to s3:// is its extension httpfs, which it fetches from its makers; here
the package s3fs (kept by fsspec) does the reading, registered under the same `s3://`, so that nothing is fetched while tests run.
The SQL is the same."""

import argparse, contextlib, os, pathlib, re, socket, subprocess, sys

import duckdb, fsspec

import lakes

TABLES = ["hits", "sessions", "late", "rejected"]


@contextlib.contextmanager
def store(binary):
    """A running store: the lake's URL in it, and the variables by which it is found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([binary, str(port)], stdout=subprocess.PIPE, text=True)
    try:
        lake = re.match(r"--lake (\S+) ", server.stdout.readline())[1]
        variables = {}
        while "AWS_ALLOW_HTTP" not in variables:
            name, value = server.stdout.readline().removeprefix("export ").strip().split("=", 1)
            variables[name] = value
        yield lake, variables
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tributary", type=pathlib.Path, required=True)
    parser.add_argument("--store", type=pathlib.Path, required=True)
    args = parser.parse_args()
    with store(args.store.absolute()) as (lake, variables):
        os.environ.update(variables)
        summary = lakes.replay(args.tributary.absolute(), lakes.access_log(), lake, "--site", "semicomplete.com")
        s3 = fsspec.filesystem(
            "s3",
            key=variables["AWS_ACCESS_KEY_ID"],
            secret=variables["AWS_SECRET_ACCESS_KEY"],
            client_kwargs={"endpoint_url": variables["AWS_ENDPOINT_URL"], "region_name": variables["AWS_REGION"]},
        )
        duckdb.register_filesystem(s3)
        duckdb.execute(s3.cat(f"{lake}/_tables/duckdb.sql").decode())
        found = {table: duckdb.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
        globbed = duckdb.execute(f"SELECT count(*) FROM read_parquet('{lake}/hits/*/*.parquet')").fetchone()[0]
    hits = summary["accepted"] - summary["duplicates"] - summary["late"]
    wanted = {"hits": hits, **{table: summary[table] for table in TABLES[1:]}}
    counts = ", ".join(f"{count} {table}" for table, count in found.items())
    print(f"DuckDB {duckdb.__version__} over {lake}: {counts}; a glob: {globbed} hits")
    if found != wanted or globbed != hits:
        print(f"    replay said {wanted}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
