-- one host's timeline over its bundles: what fired, what speaks for something, what happened; host=NAME
SELECT
    time,
    ms,
    bundle,
    if(kind = 'event', name, kind) AS what,
    multiIf(
        kind = 'trigger', concat(name, ': ', labels.value[indexOf(labels.key, 'evidence')]),
        kind = 'finding', concat(name, ': ', labels.value[indexOf(labels.key, 'title')]),
        kind = 'signature', concat(name, ' ', labels.value[indexOf(labels.key, 'findings')]),
        labels.value[indexOf(labels.key, 'text')]) AS text
FROM fdr.rows
WHERE host = {host} AND kind IN ('trigger', 'finding', 'signature', 'event')
    AND (kind != 'finding' OR labels.value[indexOf(labels.key, 'verdict')] = 'for') AND (id, load) IN fdr.loaded
ORDER BY time, ms, what, text
LIMIT 10000
