"""The companion runner: collectives and messages timed on a live cluster, one record file per run.

``records`` reads and writes the record contract and imports no MPI; everything else runs under
``mpiexec``. MPI and CuPy are imported inside functions only.
"""
