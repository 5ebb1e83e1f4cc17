"""things.FolderlessType."""

from jitcore import Element
from jitcore import Loader as BaseLoader


class Folderless(Element):
    def greet(self, name):
        return f"no folder, {name}"


class Loader(BaseLoader):
    elementClass = Folderless
