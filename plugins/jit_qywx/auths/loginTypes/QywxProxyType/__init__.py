"""Type ``auths.loginTypes.QywxProxyType``: a service provider's proxied app (服务商代开发)."""

from __future__ import annotations

from jit_qywx.auths.loginTypes.QywxProxyType.auth import QywxProxyAuth
from jitcore import Loader as BaseLoader

__all__ = ["Loader", "QywxProxyAuth"]


class Loader(BaseLoader):
    """Loads auth elements of WeCom proxied apps."""

    elementClass = QywxProxyAuth
