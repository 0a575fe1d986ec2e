-- hosts by finding and week: what spreads, and what went away
SELECT
    toMonday(fired) AS week,
    name AS finding,
    uniqExact(host) AS hosts,
    uniqExact(id) AS bundles,
    max(value) AS highest_score,
    arraySort(groupUniqArray(host)) AS which
FROM fdr.rows
WHERE kind = 'finding' AND labels.value[indexOf(labels.key, 'verdict')] = 'for' AND (id, load) IN fdr.loaded
GROUP BY week, finding
ORDER BY week, hosts DESC, finding
