"""things.AcmeType."""

from jitcore import Element
from jitcore import Loader as BaseLoader


class AcmeThing(Element):
    def greet(self, name):
        return f"Acme greets {name} at speed {self.config['speed']}"


class Loader(BaseLoader):
    elementClass = AcmeThing
