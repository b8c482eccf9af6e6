"""The record contract: one JSON object a line, a header, then what was measured, flushed as it is taken.

A record that ends without its last line (a crash, a kill) is read up to where it is whole. Nothing here
imports MPI.
"""

from nearlinear.measure.records.reader import Record, is_record, kept, read_record
from nearlinear.measure.records.sample import MODES, Epoch, Sample, Step, samples_by
from nearlinear.measure.records.writer import SCHEMA, VERSION, RecordWriter

__all__ = [
    "MODES",
    "SCHEMA",
    "VERSION",
    "Epoch",
    "Record",
    "RecordWriter",
    "Sample",
    "Step",
    "is_record",
    "kept",
    "read_record",
    "samples_by",
]
