"""Widgets: views that are given callables, or a fleet and an engine; no HTTP."""

from ghostnb.widgets.actions import Action
from ghostnb.widgets.activity import ActivityPanel
from ghostnb.widgets.browser import RegistryBrowser
from ghostnb.widgets.container_form import ContainerForm
from ghostnb.widgets.containers import Containers
from ghostnb.widgets.dashboard import Dashboard
from ghostnb.widgets.engine_images import EngineImages
from ghostnb.widgets.image.details import ImageDetails
from ghostnb.widgets.layer_bars import LayerBars
from ghostnb.widgets.picture_view import PictureView
from ghostnb.widgets.plans.panel import PlanPanel
from ghostnb.widgets.pulls import PullQueue
from ghostnb.widgets.search import SearchPanel
from ghostnb.widgets.storage.panel import StoragePanel
from ghostnb.widgets.table import Column, Table

__all__ = [
    "Action",
    "ActivityPanel",
    "Column",
    "ContainerForm",
    "Containers",
    "Dashboard",
    "EngineImages",
    "ImageDetails",
    "LayerBars",
    "PictureView",
    "PlanPanel",
    "PullQueue",
    "RegistryBrowser",
    "SearchPanel",
    "StoragePanel",
    "Table",
]
