"""Type ``corps.QywxProxyType``: the organisation of an enterprise that authorised a proxied app (服务商代开发)."""

from __future__ import annotations

from jit_qywx.corps.QywxProxyType.corp import QywxProxyCorp
from jitcore import Loader as BaseLoader

__all__ = ["Loader", "QywxProxyCorp"]


class Loader(BaseLoader):
    """Loads organisations of enterprises that authorised a proxied app."""

    elementClass = QywxProxyCorp
