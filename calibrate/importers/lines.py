"""Lines of a log without what launchers put before them."""

import re

PREFIXES = (
    re.compile(r"^\s*\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+(?:Z|[-+]\d\d:?\d\d)\s?"),  # kubectl logs --timestamps
    re.compile(r"^\s*\[\d+,\d+\]<std(?:out|err)>:"),  # mpirun --tag-output
    re.compile(r"^\s*\d+: "),  # srun -l
)
WITHIN = re.compile(r"\[\d+\] ")  # mpiexec -prepend-rank puts it wherever output was flushed


def bare(line: str) -> str:
    """Return a line without prefixes; where its columns stand is kept.

    Examples
    --------
    >>> bare("[1,0]<stdout>:   1024"), bare(" 0:   1024"), bare("[0]   8 2[0]   5.1").split()
    ('   1024', '  1024', ['8', '2', '5.1'])
    """
    for prefix in PREFIXES:
        line = prefix.sub("", line)
    return WITHIN.sub(" ", line).rstrip()
