# Counts a lake in a bucket with pyarrow's S3 client, and with DuckDB over it. Usage: strangers.py BUCKET/PREFIX.
import json, os, sys, duckdb, pyarrow.dataset, pyarrow.fs
endpoint = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
s3 = pyarrow.fs.S3FileSystem(access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
                             endpoint_override=endpoint, scheme="http", region=os.environ["AWS_REGION"])
table = lambda name: pyarrow.dataset.dataset(f"{sys.argv[1]}/{name}", filesystem=s3, format="parquet", partitioning="hive")
hits, sessions = table("hits"), table("sessions")
one = lambda sql: int(duckdb.sql(sql).fetchall()[0][0])
print(json.dumps({
    "hits": [hits.count_rows(), one("select count(distinct hit_id) from hits")],
    "sessions": [sessions.count_rows(), one("select count(distinct session_id) from sessions")],
    "hits_of_sessions": one("select sum(hit_count) from sessions"),
}))
