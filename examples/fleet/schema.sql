-- Rows of `fdr export --format ndjson` (formats/FORMAT.md, section 5.1) on every shard of a cluster named fdr (cluster.xml). To be run on
-- each of them, as often as you like. Nothing in it is newer than ClickHouse 18.16.

CREATE DATABASE IF NOT EXISTS fdr;

-- A bundle lies on one shard, and in one month: `fired` is the bundle's, `time` the row's own. To forget a month is to drop its partition.
-- `load` tells the attempts to load a bundle apart.
CREATE TABLE IF NOT EXISTS fdr.rows_shard
(
    id String,
    load UInt64,
    fired DateTime('UTC'),
    bundle String,
    host String,
    time DateTime('UTC'),
    ms UInt16,
    kind String,
    name String,
    value Nullable(Float64),
    stack Array(String),
    labels Nested(key String, value String)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fired)
ORDER BY (kind, name, host, time);

-- One row for each attempt that came to its end, written after the last of its rows.
CREATE TABLE IF NOT EXISTS fdr.loads_shard
(
    id String,
    load UInt64,
    fired DateTime('UTC'),
    bundle String,
    host String,
    rows UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fired)
ORDER BY id;

-- What counts: of each bundle the latest attempt that came to its end. Queries say `(id, load) IN fdr.loaded`, which each shard answers
-- from its own rows. So a bundle is there whole or not at all, and only once, whatever was killed or loaded again.
CREATE VIEW IF NOT EXISTS fdr.loaded AS
SELECT id, max(load) AS load FROM fdr.loads_shard GROUP BY id;

CREATE TABLE IF NOT EXISTS fdr.rows AS fdr.rows_shard ENGINE = Distributed(fdr, fdr, rows_shard, cityHash64(id));

CREATE TABLE IF NOT EXISTS fdr.loads AS fdr.loads_shard ENGINE = Distributed(fdr, fdr, loads_shard, cityHash64(id));
