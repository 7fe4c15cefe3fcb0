"""The compute client: takes jobs that fit its slots, runs their apps, and records the end."""

from dendro_local.compute.compute_client import ComputeClient
from dendro_local.compute.embedded import embedded_compute_client
from dendro_local.compute.machine import machine_capacity, machine_slots

__all__ = [
    "ComputeClient",
    "embedded_compute_client",
    "machine_capacity",
    "machine_slots",
]
