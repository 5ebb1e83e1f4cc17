"""Two more columns."""

import peewee


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("shelf_person", "born", peewee.DateTimeField(null=True)),
        migrator.add_column("shelf_person", "score", peewee.IntegerField(null=True)),
    )
