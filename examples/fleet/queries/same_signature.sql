-- the same fault on several hosts: signatures that more than one of them has
SELECT
    name AS signature,
    uniqExact(host) AS hosts,
    uniqExact(id) AS bundles,
    min(fired) AS first,
    max(fired) AS last,
    any(labels.value[indexOf(labels.key, 'findings')]) AS findings,
    arrayStringConcat(arrayReverse(any(stack)), ' < ') AS top_stack
FROM fdr.rows
WHERE kind = 'signature' AND (id, load) IN fdr.loaded
GROUP BY signature
HAVING hosts > 1
ORDER BY hosts DESC, signature
