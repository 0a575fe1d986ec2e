-- lookups of files that are not there, by executable and directory (`names` is an estimate, summed over bundles)
SELECT
    if(executable = '', process, executable) AS program,
    labels.value[indexOf(labels.key, 'directory')] AS directory,
    uniqExact(host) AS hosts,
    uniqExact(id) AS bundles,
    sum(value) AS calls,
    sum(toFloat64OrZero(labels.value[indexOf(labels.key, 'distinct')])) AS names,
    labels.value[indexOf(labels.key, 'executable')] AS executable,
    labels.value[indexOf(labels.key, 'process')] AS process
FROM fdr.rows
WHERE kind = 'failed' AND has(labels.key, 'directory') AND labels.value[indexOf(labels.key, 'error')] = 'ENOENT' AND (id, load) IN fdr.loaded
GROUP BY executable, process, directory
ORDER BY calls DESC, program, directory
LIMIT 20
