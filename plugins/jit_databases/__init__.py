"""The family ``databases``: where an App's rows live.

An element of this family is an object with ``.database``, a Peewee database that is opened when it is first read. The
one named in ``app.json`` as ``settings.defaultElement.defaultDatabase`` (else ``databases.Default``) carries the App.
"""
