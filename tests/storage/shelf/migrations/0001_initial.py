"""The tables as they were at first."""

import peewee


def up(migrator, db):
    class Person(peewee.Model):
        corp = peewee.CharField()
        person = peewee.CharField(column_name="person_id")
        name = peewee.TextField(null=True)
        active = peewee.BooleanField()

        class Meta:
            database = db
            table_name = "shelf_person"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("corp", "person")

    class Badge(peewee.Model):
        code = peewee.CharField(unique=True)
        level = peewee.IntegerField(constraints=[peewee.Check("level >= 0")])
        extra = peewee.JSONField(null=True)

        class Meta:
            database = db
            table_name = "shelf_badge"
            legacy_table_names = False

    db.create_tables([Person, Badge])
