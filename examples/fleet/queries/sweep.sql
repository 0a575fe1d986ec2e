-- on each shard, once in a while: removes what attempts left that were killed, or were followed by another, more than a day ago
ALTER TABLE fdr.rows_shard DELETE
WHERE load < (toUInt64(now()) - 86400) * 1000000000 AND (id, load) NOT IN (SELECT id, max(load) FROM fdr.loads_shard GROUP BY id)
