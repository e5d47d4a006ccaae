"""Images: described, found, pulled."""

from ghostnb.registries.images import Image
from ghostnb.registries.records import SearchRecord
from ghostnb.server.answers.answer import Answer

__all__ = ["Found", "FoundImage", "ImageDetails", "LayerEntry", "PullEnded", "RegistryFailure"]


class LayerEntry(Answer, frozen=True, kw_only=True):
    """A layer."""

    digest: str
    size: int
    media_type: str
    created_by: str | None


class ImageDetails(Answer, frozen=True, kw_only=True):
    """An image of one platform."""

    repository: str
    tag: str
    digest: str
    size: int
    created: str | None
    author: str | None
    layers: list[LayerEntry]
    platform: str | None
    platforms: list[str]

    @classmethod
    def of(cls, image: Image) -> "ImageDetails":
        """Tell an image."""
        layers = [
            LayerEntry(
                digest=str(layer.digest),
                size=layer.size_bytes,
                media_type=layer.media_type,
                created_by=layer.created_by,
            )
            for layer in image.layers
        ]
        return cls(
            repository=image.repository,
            tag=image.tag,
            digest=str(image.digest),
            size=image.size_bytes,
            created=image.created,
            author=image.author,
            layers=layers,
            platform=image.platform,
            platforms=list(image.platforms),
        )


class FoundImage(Answer, frozen=True, kw_only=True):
    """Something that a search found."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    size: int | None
    created: str | None
    description: str | None
    pull_count: int | None
    star_count: int | None
    official: bool | None

    @classmethod
    def of(cls, found: SearchRecord) -> "FoundImage":
        """Tell what was found."""
        names = (name for name in cls.__struct_fields__ if name != "size")
        return cls(size=found.size_bytes, **{name: getattr(found, name) for name in names})


class RegistryFailure(Answer, frozen=True, kw_only=True):
    """A registry that could not be asked, or something there that could not be read."""

    registry: str
    repository: str
    tag: str
    message: str
    code: str


class Found(Answer, frozen=True, kw_only=True):
    """What a search found, and what failed meanwhile."""

    images: list[FoundImage]
    errors: list[RegistryFailure]


class PullEnded(Answer, frozen=True, kw_only=True):
    """An image that the daemon has now."""

    success: bool = True
    message: str
    job: str
