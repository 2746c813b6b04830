from asgiref.sync import sync_to_async
from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from awaitly import Err, Ok

from .bridge import actor_of
from .models import Article
from .publishing import orchestrator, publication


class Draft(forms.ModelForm):
    class Meta:
        model = Article
        fields = ("title", "text")


@require_http_methods(["GET", "POST"])
async def home(request: HttpRequest) -> HttpResponse:
    """Show what is published, and to authors what is theirs; take a new draft."""
    user = await request.auser()
    form = Draft(request.POST or None)
    if request.method == "POST":
        if not user.is_authenticated:
            return redirect("login")
        form.instance.author = user
        if await sync_to_async(form.is_valid)():
            await sync_to_async(form.save)()
            return redirect("home")
    theirs = [article async for article in Article.objects.filter(author=user.pk).order_by("-pk")[:20]]
    shown = {
        "form": form,
        "theirs": [(article, await standing(article.pk)) for article in theirs],
        "published": [found async for found in Article.objects.exclude(published_at=None).order_by("-published_at")],
    }
    return await sync_to_async(render)(request, "home.html", shown, status=422 if form.errors else 200)


@login_required
@require_POST
async def hand_in(request: HttpRequest, article: int) -> HttpResponse:
    """Hand an article in. Its id is the run's, so that a second press of the button begins nothing more."""
    user = await request.auser()
    found = await Article.objects.filter(pk=article, author=user).afirst()
    if found is None:
        raise Http404
    by = await sync_to_async(actor_of)(user)
    begun = publication(found.pk, found.title, found.text)
    match await orchestrator.enqueue(begun, run_id=f"article/{found.pk}", requested_by=by):
        case Ok():
            return redirect("home")
        case Err(conflict):
            return HttpResponse(str(conflict), status=409, content_type="text/plain; charset=utf-8")


@login_required
@require_POST
async def take_back(request: HttpRequest, article: int) -> HttpResponse:
    """Take back what is not published."""
    user = await request.auser()
    await Article.objects.filter(pk=article, author=user, published_at=None).adelete()
    return redirect("home")


@require_GET
async def read(request: HttpRequest, article: int) -> HttpResponse:
    found = await Article.objects.filter(pk=article).exclude(published_at=None).afirst()
    if found is None:
        raise Http404
    return await sync_to_async(render)(request, "article.html", {"article": found})


async def standing(article: int) -> str | None:
    """Say how it stands with an article; None where it was not handed in."""
    run_id = f"article/{article}"
    match await orchestrator.status(run_id):
        case Ok(details) if details.run.status.ended:
            pass
        case Ok(details):
            return "waits for an editor" if details.pending else "on its way"
        case Err():
            return None
    match (await orchestrator.wait(run_id)).result:
        case Ok(published):
            return str(published)
        case Err(error):
            return f"not published: {error}"
