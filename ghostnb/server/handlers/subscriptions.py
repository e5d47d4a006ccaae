"""Who is sent what happens."""

from dataclasses import asdict

from ghostnb.server.answers import Done, SubscriptionEntry, SubscriptionList
from ghostnb.server.asks import NewSubscription
from ghostnb.server.failures import FailureError
from ghostnb.server.handler import AgentHandler
from ghostnb.server.operations import operation
from ghostnb.server.subscriptions import DeliveryState, Subscription

__all__ = ["SubscriptionItem", "SubscriptionTable"]


class SubscriptionTable(AgentHandler):
    """All subscriptions."""

    auth_resource = "ghostnb.subscriptions"

    @operation("subscriptions.list", "List who is sent what happens")
    async def get(self) -> SubscriptionList:
        """Answer with how delivering goes."""
        return SubscriptionList(
            subscriptions=[self._entry(one) for one in self.agent.subscriptions.list()]
        )

    @operation(
        "subscriptions.add",
        "Send what happens to a URL",
        action="write",
        status=201,
        fails=(409, 422),
    )
    async def post(self, *, body: NewSubscription) -> SubscriptionEntry:
        """Add one, as long as the agent lives; a secret that is made here is told this once."""
        added = self.agent.subscriptions.add(body.url, body.secret, body.actions, body.registries)
        self.about(subscription=added.id)
        return self._entry(added)

    def _entry(self, subscription: Subscription) -> SubscriptionEntry:
        state = self.agent.subscriptions.state(subscription.id) or DeliveryState()
        return SubscriptionEntry(
            id=subscription.id,
            url=subscription.url,
            actions=sorted(subscription.actions),
            registries=sorted(subscription.registries),
            created=subscription.created,
            secret=subscription.secret,
            **asdict(state),
        )


class SubscriptionItem(AgentHandler):
    """One subscription."""

    auth_resource = "ghostnb.subscriptions"

    @operation("subscriptions.remove", "Send nothing there any more", action="write", fails=(404,))
    async def delete(self, subscription: str) -> Done:
        """Remove it; what waits for it is not delivered."""
        if not self.agent.subscriptions.remove(subscription):
            message = f"There is no subscription {subscription[:64]!r}."
            raise FailureError(404, "not_found", message)
        return Done(message=f"{subscription} was removed.")
