from typing import Protocol


class ElementProtocol(Protocol):
    def text(self) -> str: ...

    def append(self, line: str, *, top: bool = False) -> int: ...
