"""The client for WeCom's server API: transport, tokens shared through the database, thin endpoint groups."""

from __future__ import annotations

from jit_qywx.client.client import QywxProxyClient
from jit_qywx.client.transport import OFFICIAL_BASE_URL, Transport

__all__ = ["OFFICIAL_BASE_URL", "QywxProxyClient", "Transport"]
