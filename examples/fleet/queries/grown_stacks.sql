-- stacks whose share of a CPU (%) grew from quiet to incident: the mean of the bundles in which it changed
SELECT
    uniqExact(host) AS hosts,
    uniqExact(id) AS bundles,
    avg(toFloat64OrZero(labels.value[indexOf(labels.key, 'base')])) AS before,
    avg(toFloat64OrZero(labels.value[indexOf(labels.key, 'now')])) AS since,
    since - before AS gain,
    arrayStringConcat(arrayReverse(stack), ' < ') AS innermost_first
FROM fdr.rows
WHERE kind = 'change' AND labels.value[indexOf(labels.key, 'part')] = 'stacks' AND (id, load) IN fdr.loaded
GROUP BY stack
HAVING gain > 0
ORDER BY gain DESC, innermost_first
LIMIT 20
