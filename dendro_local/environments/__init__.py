"""Apps' own Python environments: what an app needs, and the built environments that give it.

The PEP 723 block in an app's ``main.py`` is the only declaration of what it needs. Apps whose
blocks need the same share one environment, which is built once and found from then on without
any network and without starting a process.
"""

from dendro_local.environments.environments import Environments
from dendro_local.environments.key import environment_key
from dendro_local.environments.records import EnvironmentInfo, Requirements
from dendro_local.environments.script_block import requirements_of

__all__ = [
    "EnvironmentInfo",
    "Environments",
    "Requirements",
    "environment_key",
    "requirements_of",
]
