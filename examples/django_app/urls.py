from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in", LoginView.as_view(), name="login"),
    path("sign-out", LogoutView.as_view(), name="logout"),
    path("articles/<int:article>", views.read, name="read"),
    path("articles/<int:article>/hand-in", views.hand_in, name="hand_in"),
    path("articles/<int:article>/take-back", views.take_back, name="take_back"),
]
