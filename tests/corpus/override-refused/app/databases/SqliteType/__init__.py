from jitcore import Element
from jitcore import Loader as BaseLoader


class Ours(Element):
    pass


class Loader(BaseLoader):
    elementClass = Ours
