"""The hub that a compute client itself is to apps that ask one for their job."""

from dendro_local.compute.loopback_hub.served_job import ServedJob
from dendro_local.compute.loopback_hub.server import LoopbackHub

__all__ = ["LoopbackHub", "ServedJob"]
