-- how complete what the hosts record is, worst first, with what was last missing
SELECT
    host,
    countIf(labels.value[indexOf(labels.key, 'grade')] = 'poor') AS poor,
    countIf(labels.value[indexOf(labels.key, 'grade')] = 'reduced') AS reduced,
    countIf(labels.value[indexOf(labels.key, 'grade')] = 'complete') AS complete,
    argMax(labels.value[indexOf(labels.key, 'why')], fired) AS last_why
FROM fdr.rows
WHERE kind = 'bundle' AND (id, load) IN fdr.loaded
GROUP BY host
ORDER BY poor DESC, reduced DESC, host
LIMIT 50
