-- lookups of files that are not there, by executable (or its name, where that is all that is known) and directory; names: summed estimates
SELECT
    if(has(labels.key, 'executable'), labels.value[indexOf(labels.key, 'executable')], labels.value[indexOf(labels.key, 'process')]) AS program,
    labels.value[indexOf(labels.key, 'directory')] AS directory,
    uniqExact(host) AS hosts,
    uniqExact(id) AS bundles,
    sum(value) AS calls,
    sum(toFloat64OrZero(labels.value[indexOf(labels.key, 'distinct')])) AS names
FROM fdr.rows
WHERE kind = 'failed' AND has(labels.key, 'directory') AND labels.value[indexOf(labels.key, 'error')] = 'ENOENT' AND (id, load) IN fdr.loaded
GROUP BY program, directory
ORDER BY calls DESC, program, directory
LIMIT 20
