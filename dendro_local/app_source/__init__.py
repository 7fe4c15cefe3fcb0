"""Where an app's code and spec come from: a folder, this package, or the URL of a spec."""

from dendro_local.app_source.bundled import BUNDLED_APPS, bundled_app_folder
from dendro_local.app_source.folder import AppFolder
from dendro_local.app_source.imported_sdk import imported_sdk
from dendro_local.app_source.sdk_path import python_path_with_sdk
from dendro_local.app_source.specification import (
    declared_version,
    decode_specification,
    load_specification,
    may_be_warm,
    needs_network,
    specification_of_folder,
)

__all__ = [
    "AppFolder",
    "BUNDLED_APPS",
    "bundled_app_folder",
    "declared_version",
    "decode_specification",
    "imported_sdk",
    "load_specification",
    "may_be_warm",
    "needs_network",
    "python_path_with_sdk",
    "specification_of_folder",
]
