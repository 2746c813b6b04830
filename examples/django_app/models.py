from django.conf import settings
from django.db import models


class Article(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    text = models.TextField(max_length=50_000)
    published_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.title)
