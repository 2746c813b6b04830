"""What `awaitly worker django_app.worker:orchestrator` begins with: Django first, then what needs its tables."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")
django.setup()

from .publishing import orchestrator  # noqa: E402  (its models need what stands above)

__all__ = ["orchestrator"]
