from databases.SqliteType import Loader as Shipped


class Loader(Shipped):
    pass
