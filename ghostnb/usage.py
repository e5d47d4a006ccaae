"""What a registry's vendor offers, and how much it says is stored."""

import pandas as pd

from ghostnb.arguments import checked_text
from ghostnb.errors import UnsupportedError
from ghostnb.frames import usage_frame
from ghostnb.loop import hop
from ghostnb.registries.abilities import TellsUsage
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import UsageRecord
from ghostnb.registries.vendors import offers_of

__all__ = ["UsageMethods"]


class UsageMethods:
    """What a client tells of its vendor."""

    @property
    def registry(self) -> Registry:
        """What speaks to the registry."""
        raise NotImplementedError

    @property
    def offers(self) -> tuple[str, ...]:
        """What the vendor's own API does better than the distribution protocol, in words.

        Of a registry whose kind is ``auto`` and whose host says nothing, that is known once it
        has answered, as by `ping`. Behind an agent it is what the agent passes on of that.
        """
        return offers_of(self.registry.kind)

    async def usage(self, *, namespace: str | None = None) -> pd.DataFrame:
        """Tabulate what is stored, by namespace, as the vendor counts it.

        Parameters
        ----------
        namespace : str, optional
            Only this project, organisation or group; by default the configured one, else all
            that the credentials may see.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.usage_frame`.

        Raises
        ------
        UnsupportedError
            If the vendor does not tell; the inventory counts it.
        RegistryError
            If it does not tell this user.
        """
        return usage_frame(await self.usage_records(namespace))

    async def usage_records(self, namespace: str | None = None) -> list[UsageRecord]:
        """Tell what is stored as `usage` does, for who wants no DataFrame.

        Returns
        -------
        list of UsageRecord
            In the order of the frame's rows.
        """
        if namespace is not None:
            checked_text(namespace, "A namespace", "library")
        registry = self.registry
        if not isinstance(registry, TellsUsage):
            raise UnsupportedError(
                f"{registry.name} is no service that tells what is stored.",
                hint="Count it: analysis.storage(await reg.inventory()).",
                registry=registry.name,
                url=registry.url,
            )

        async def read() -> list[UsageRecord]:
            return [record async for record in registry.usage_records(namespace)]

        return await hop(read())
