"""What would happen, shown before the button that has it happen."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from ghostnb.client import RegistryClient
from ghostnb.copying import plan_copy, plan_sync
from ghostnb.deleting import plan_delete, plan_retention
from ghostnb.engine import Engine
from ghostnb.errors import ForbiddenError, GhostnbError, UnauthorizedError, UnsupportedError
from ghostnb.fleet import Fleet
from ghostnb.image_push import EngineImage, ImagePush
from ghostnb.widgets.base import Panels
from ghostnb.widgets.form import Form, Values
from ghostnb.widgets.plans.changes import Change, going, things
from ghostnb.widgets.plans.confirmation import Confirmation
from ghostnb.widgets.plans.copy_form import CopyForm, CopyRequest, targets
from ghostnb.widgets.plans.push_form import PushForm, PushRequest, called
from ghostnb.widgets.plans.retention_form import RetentionForm, RetentionRequest
from ghostnb.widgets.plans.tables import COPIES, DELETIONS, PUSHES
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.words import counted

__all__ = ["PlanPanel"]

OnApply = Callable[[str, str, Change], object]
Work = Callable[[], Coroutine[Any, Any, Change]]

_SOME_UNNAMED = "Some of these images have no name to be pushed by."
_ONE_BY_ONE = "Select one of them alone: then it is asked for."
_NO_TARGET = "No registry here can be written to."
_ADD_TARGET = "Add one over HTTP, or the directory of an image layout (oci:DIRECTORY)."


class PlanPanel(Panels):
    """Plans a deletion, a clean-up, a copy or a push, shows the plan, and has it applied.

    Parameters
    ----------
    fleet : Fleet
    on_apply : callable
        Told the name of the registry that changes, what is done in a few words, and the plan.
    engine : Engine, optional
        Whose images are pushed; by default the one that is found.

    Notes
    -----
    It shows while there is something to decide. Plans travel as messages, so that no notebook
    saves them.
    """

    def __init__(self, fleet: Fleet, *, on_apply: OnApply, engine: Engine | None = None) -> None:
        self._fleet, self._on_apply, self._engine = fleet, on_apply, engine
        self._tasks = Tasks()
        self._apply: Callable[[], object] = lambda: None
        self._retry: Callable[[], object] = lambda: None
        self._on_closed: Callable[[], object] = lambda: None
        self._form: Form | None = None
        # What was asked for last, of a registry and a repository: nobody types it twice.
        self._asked: dict[tuple[str, str], Values] = {}
        self._summary = Summary()
        self._tables = {
            kind: Table(
                columns, key="row", label="Plan", height="240px", on_retry=lambda: self._retry()
            )
            for kind, columns in (("delete", DELETIONS), ("copy", COPIES), ("push", PUSHES))
        }
        self._confirmation = Confirmation(on_confirm=lambda: self._apply(), on_cancel=self.dismiss)
        self._sheet = Panels([self._summary, *self._tables.values(), self._confirmation])
        super().__init__([self._sheet], "ghostnb-plan")
        self._show()

    def delete(
        self,
        registry: str,
        references: Sequence[str],
        *,
        on_closed: Callable[[], object] = lambda: None,
    ) -> None:
        """Plan a deletion, and show it.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        references : sequence of str
            ``repository:tag``, or by digest.
        on_closed : callable, optional
            Called when it is not to be done: the keyboard may go on there.
        """
        self._on_closed = on_closed
        title = f"Delete {_called(references)} from {registry}"
        self._plan(
            "delete",
            title,
            partial(self._planned_deletion, registry, tuple(references)),
            partial(self._show_deletion, registry, title),
        )

    def copy(
        self,
        registry: str,
        references: Sequence[str],
        *,
        on_closed: Callable[[], object] = lambda: None,
    ) -> None:
        """Ask where images are to be copied, plan it, and show that.

        Parameters
        ----------
        registry : str
            Where they are: its name in the fleet.
        references : sequence of str
            ``repository:tag`` each, of one repository; or one by digest.
        on_closed : callable, optional
            As for `delete`.
        """
        self._on_closed = on_closed
        if not targets(self._fleet, registry):
            self._refuse("copy", f"Copy {_called(references)}", _NO_TARGET, _ADD_TARGET)
            return
        repository = self._client(registry).registry.reference(references[0]).repository
        form = CopyForm(
            self._fleet,
            registry,
            repository,
            references,
            on_asked=self._plan_copy,
            on_closed=self.dismiss,
        )
        self._ask(form)

    def push(
        self, images: Sequence[EngineImage], *, on_closed: Callable[[], object] = lambda: None
    ) -> None:
        """Ask where a daemon's images are to be pushed, plan it, and show that.

        Parameters
        ----------
        images : sequence of EngineImage
        on_closed : callable, optional
            As for `delete`.
        """
        self._on_closed = on_closed
        title = f"Push {called(images)}"
        if not targets(self._fleet, ""):
            self._refuse("push", title, _NO_TARGET, _ADD_TARGET)
        elif len(images) > 1 and not all(one.own_name for one in images):
            self._refuse("push", title, _SOME_UNNAMED, _ONE_BY_ONE)
        else:
            on_asked, on_left = self._plan_push, self.dismiss
            self._ask(PushForm(self._fleet, images, on_asked=on_asked, on_closed=on_left))

    def retain(
        self,
        registry: str,
        repository: str = "",
        *,
        on_closed: Callable[[], object] = lambda: None,
    ) -> None:
        """Ask which tags are to be kept, plan the deletion of the others, and show that.

        Where nothing can be deleted, it is shown what would be freed.

        Parameters
        ----------
        registry : str
            Its name in the fleet.
        repository : str, optional
            What the form has where repositories are asked for.
        on_closed : callable, optional
            As for `delete`.
        """
        self._on_closed = on_closed
        form = RetentionForm(
            registry,
            repository,
            values=self._asked.get((registry, repository)),
            on_asked=partial(self._plan_retention, repository),
            on_closed=self.dismiss,
        )
        self._ask(form)

    def dismiss(self) -> None:
        """Put the plan away; nothing is done."""
        self._put_away()
        self._on_closed()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()
        self._sheet.close()

    # What is shown

    def _ask(self, form: Form) -> None:
        self._tasks.cancel()
        self._show(form)
        form.focus()

    def _refuse(self, kind: str, title: str, text: str, hint: str) -> None:
        self._begin(kind, title)
        self._tables[kind].tell("error", text, hint)

    def _begin(self, kind: str, title: str) -> None:
        """Show an empty sheet."""
        self._tasks.cancel()
        for name, table in self._tables.items():
            table.clear()
            table.layout.display = "" if name == kind else "none"
        self._summary.say(title)
        self._confirmation.wait()
        self._show(self._sheet)
        self._summary.focus()

    def _show(self, shown: Panels | Form | None = None) -> None:
        before, self._form = self._form, shown if isinstance(shown, Form) else None
        self.children = [] if shown is None else [shown]
        self.layout.display = "none" if shown is None else ""
        if before is not None:
            before.close()

    def _put_away(self) -> None:
        self._tasks.cancel()
        self._show()

    # What is planned

    def _plan_copy(self, request: CopyRequest) -> None:
        title = f"Copy {_called(request.references)} from {request.source} to {request.target}"
        self._plan(
            "copy",
            title,
            partial(self._planned_copy, request),
            partial(self._show_copy, request.target, title),
        )

    def _plan_push(self, request: PushRequest) -> None:
        title = f"Push {called(request.images)} to {request.target}"
        self._plan(
            "push",
            title,
            partial(self._planned_push, request),
            partial(self._show_push, request.target, title),
        )

    async def _planned_push(self, request: PushRequest) -> Change:
        engine, target = self._engine or Engine(), self._client(request.target)
        return await ImagePush.look(engine, target, request.images, request.names)

    def _plan_retention(self, repository: str, request: RetentionRequest) -> None:
        self._asked[request.registry, repository] = request.values
        title = f"Clean up {request.registry}"
        self._plan(
            "delete",
            title,
            partial(self._planned_retention, request),
            partial(self._show_deletion, request.registry, title),
        )

    async def _planned_retention(self, request: RetentionRequest) -> Change:
        client = self._client(request.registry)
        options: dict[str, Any] = {"progress": partial(self._count, "delete")}
        if request.repositories:
            options["repositories"] = request.repositories
        try:
            return await plan_retention(client, request.rules, **options)
        except (ForbiddenError, UnauthorizedError, UnsupportedError) as e:
            plan = await plan_retention(client, request.rules, what_if=True, **options)
            plan.notes = (*plan.notes, f"It is only counted, and cannot be applied. {e}")
            return plan

    async def _planned_deletion(self, registry: str, references: tuple[str, ...]) -> Change:
        progress = partial(self._count, "delete")
        return await plan_delete(self._client(registry), references, progress=progress)

    async def _planned_copy(self, request: CopyRequest) -> Change:
        source, target = self._client(request.source), self._client(request.target)
        options: dict[str, Any] = {"platforms": request.platforms, "referrers": request.referrers}
        if request.is_of_one:
            return await plan_copy(
                source, target, request.references[0], to=request.name, **options
            )
        here = [source.registry.reference(one) for one in request.references]
        there = target.registry.reference(request.name)
        return await plan_sync(
            source,
            target,
            repositories=[request.repository],
            tags=[one.tag for one in here],
            rename=lambda _: there.repository,
            progress=partial(self._count, "copy"),
            **options,
        )

    def _plan(self, kind: str, title: str, work: Work, show: Callable[[Change], object]) -> None:
        """Show an empty sheet, and then on it what comes of the work."""
        self._begin(kind, title)
        table = self._tables[kind]

        def fail(error: GhostnbError) -> None:
            self._summary.say(title)
            table.fail(error)

        def start() -> None:
            self._summary.say(title)
            table.tell("loading", "Planning …")
            self._tasks.spawn(self._look(table, work, show), key="plan", on_error=fail)

        self._retry = start
        start()

    async def _look(self, table: Table, work: Work, show: Callable[[Change], object]) -> None:
        plan = await work()
        frame = plan.frame
        table.show(frame.assign(row=[str(number) for number in range(len(frame))]))
        show(plan)

    def _count(self, kind: str, done: int, total: int) -> None:
        if total:
            self._tables[kind].tell("loading", f"Planning: {done:,} of {total:,} looked at …")

    def _show_deletion(self, registry: str, title: str, plan: Change) -> None:
        goes = going(plan.frame)
        reasons = ": the reasons are below." if len(plan.frame) else "."
        text = _actions(plan) if len(goes) else f"Nothing goes{reasons}"
        self._summary.say(title, text, sizes={"Frees": plan.bytes_freed}, notes=plan.notes)
        if len(goes) and not plan.what_if:
            names = goes["repository"].unique()
            wanted = str(names[0]) if len(names) == 1 else str(len(goes))
            self._offer(registry, f"Delete {things(goes)}", title, plan, wanted)

    def _show_copy(self, registry: str, title: str, plan: Change) -> None:
        if plan.frame.empty and not plan.notes:
            self._summary.say(title, f"Nothing is to be done: {registry} has all of it.")
            self._tables["copy"].clear("Nothing to copy.")
            return
        sizes = {"Moves": plan.bytes_moved} if plan.bytes_moved else {}
        self._summary.say(title, _actions(plan), sizes=sizes, notes=plan.notes)
        if not plan.frame.empty:
            self._offer(registry, f"Copy {things(plan.frame)}", title, plan)

    def _show_push(self, registry: str, title: str, plan: Change) -> None:
        count = len(going(plan.frame))
        if not count:
            self._summary.say(title, f"Nothing is to be done: {registry} has all of it.")
            return
        self._summary.say(title, _actions(plan), notes=plan.notes)
        self._offer(registry, f"Push {counted(count, 'image')}", title, plan)

    def _offer(self, registry: str, label: str, title: str, plan: Change, wanted: str = "") -> None:
        def apply() -> None:
            self._put_away()
            self._on_apply(registry, title, plan)

        self._apply = apply
        self._confirmation.ask(label, wanted=wanted)

    def _client(self, name: str) -> RegistryClient:
        if name not in self._fleet:
            raise GhostnbError(
                f"{name} is not among the registries any more.", hint="Add it again, then retry."
            )
        return self._fleet[name]


def _called(references: Sequence[str]) -> str:
    if len(references) == 1:
        return references[0]
    repositories = {one.partition("@")[0].rpartition(":")[0] for one in references}
    where = f" of {repositories.pop()}" if len(repositories) == 1 else ""
    return f"{len(references):,} tags{where}"


def _actions(plan: Change) -> str:
    counts = plan.frame["action"].value_counts()
    return ", ".join(f"{count:,} {action}" for action, count in counts.items())
