"""Webhooks out: who wants our events gets them, signed, retried, in bounded numbers.

What else is on the server takes `Subscriptions` from here::

    hooks = Subscriptions()  # or Subscriptions.from_config([{"url": …, "secret": "env:NAME"}])
    added = hooks.add("https://ci.example.com/hook", actions=["push"])
    added.secret  # to be shown this once
    hooks.offer(event)  # at every event, on the server's loop
    hooks.list(), hooks.state(added.id), hooks.remove(added.id)
    await hooks.close()

Notes
-----
Source: Standard Webhooks 1.0.0 (standardwebhooks.com), "Specification" and
"Operational considerations".
"""

from ghostnb.server.subscriptions.limits import Limits
from ghostnb.server.subscriptions.subscription import DeliveryState, Subscription
from ghostnb.server.subscriptions.subscriptions import Subscriptions, TooManySubscriptionsError

__all__ = ["DeliveryState", "Limits", "Subscription", "Subscriptions", "TooManySubscriptionsError"]
