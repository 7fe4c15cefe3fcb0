"""Jobs, apps and deletions as they travel between stores: signed, and in one form everywhere.

What is told of a finished job is an in-toto Statement (https://in-toto.io/Statement/v1): its
subjects are the files that the job left, by digest, and its predicate is the job's record. It is
signed as DSSE has it (https://github.com/secure-systems-lab/dsse), with Ed25519.
"""

from dendro_local.signed_records.entries import (
    MOST_IN_BATCH,
    AppEntry,
    BatchEnd,
    BatchReader,
    Entry,
    GoneEntry,
    JobEntry,
    ReadBatch,
    Signature,
    batch_lines,
    decode_entry,
    encode_entry,
)
from dendro_local.signed_records.keys import PublicKey, SigningKey
from dendro_local.signed_records.records import (
    DeletedJob,
    FileRecord,
    FilesRecord,
    JobRecord,
    SharedApp,
)
from dendro_local.signed_records.statements import (
    envelope,
    open_envelope,
    read_app,
    read_deletion,
    read_job,
    statement_digest,
    statement_of_app,
    statement_of_deletion,
    statement_of_job,
)

__all__ = [
    "AppEntry",
    "BatchEnd",
    "BatchReader",
    "DeletedJob",
    "Entry",
    "FileRecord",
    "FilesRecord",
    "GoneEntry",
    "JobEntry",
    "JobRecord",
    "MOST_IN_BATCH",
    "PublicKey",
    "ReadBatch",
    "SharedApp",
    "Signature",
    "SigningKey",
    "batch_lines",
    "decode_entry",
    "encode_entry",
    "envelope",
    "open_envelope",
    "read_app",
    "read_deletion",
    "read_job",
    "statement_digest",
    "statement_of_app",
    "statement_of_deletion",
    "statement_of_job",
]
