"""The hub over a store of this machine: no server and no network.

Who may do what, the cache rule, dependencies and what becomes of them are decided here; the
store below keeps and finds.
"""

from dendro_local.local_hub.cache_rule import Uncached
from dendro_local.local_hub.hub import LocalHub
from dendro_local.local_hub.job_keys import KeyedJob
from dendro_local.local_hub.job_records import JobFacts, JobLog, LiveWork
from dendro_local.local_hub.served_files import OutputAwaited, ServedFile
from dendro_local.local_hub.submitting import Forecast
from dendro_local.local_hub.uploads import IncomingFile

__all__ = [
    "Forecast",
    "IncomingFile",
    "JobFacts",
    "JobLog",
    "KeyedJob",
    "LiveWork",
    "LocalHub",
    "OutputAwaited",
    "ServedFile",
    "Uncached",
]
