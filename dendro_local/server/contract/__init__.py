"""The Dendro contract: ``POST /api/NAME``, on which existing clients and Neurosift rely."""

from dendro_local.server.contract.routes import ContractRoutes

__all__ = ["ContractRoutes"]
