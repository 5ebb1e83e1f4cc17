"""Models as a plugin would bring them: people, and the badges they wear."""

from __future__ import annotations

import peewee


class Person(peewee.Model):
    corp = peewee.CharField()
    person = peewee.CharField(column_name="person_id")
    name = peewee.TextField(null=True)
    active = peewee.BooleanField(default=True)
    born = peewee.DateTimeField(null=True)
    score = peewee.IntegerField(null=True)

    class Meta:
        table_name = "shelf_person"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("corp", "person")
        without_rowid = True


class Badge(peewee.Model):
    code = peewee.CharField(unique=True)
    level = peewee.IntegerField(constraints=[peewee.Check("level >= 0")])
    extra = peewee.JSONField(null=True)

    class Meta:
        table_name = "shelf_badge"
        legacy_table_names = False


MODELS = (Person, Badge)
