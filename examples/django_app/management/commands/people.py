import secrets
from argparse import ArgumentParser

from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Makes people, and prints a password for each: `people ida mona:editors`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("people", nargs="+", metavar="NAME[:GROUP]")

    def handle(self, *_: object, people: list[str], **__: object) -> None:
        for each in people:
            name, _colon, group = each.partition(":")
            password = secrets.token_urlsafe(12)
            person = User.objects.create_user(name, password=password)
            if group:
                person.groups.add(Group.objects.get_or_create(name=group)[0])
            self.stdout.write(f"{name}: {password}")
