"""What clients send to Bolt's routes. A key that is not known is refused: it may be a typo."""

from typing import Annotated, Any

import msgspec

from ghostnb.wire.bolt import Count, Rating, SystemRequirements

__all__ = [
    "Draft",
    "Metadata",
    "PluginDraft",
    "PluginSearch",
    "PluginUpload",
    "ProfileDraft",
    "ProfileSearch",
    "ProfileUpload",
    "Search",
    "TemplateDraft",
    "TemplateSearch",
    "TemplateUpload",
    "Upload",
]

Line = Annotated[str, msgspec.Meta(max_length=256)]
Filled = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Address = Annotated[str, msgspec.Meta(max_length=2048)]
Prose = Annotated[str, msgspec.Meta(max_length=8192)]
Lines = Annotated[tuple[Filled, ...], msgspec.Meta(max_length=128)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Requirements(SystemRequirements, frozen=True, forbid_unknown_fields=True):
    """A profile's needs, as they are uploaded."""

    required_gpu_vendor: Filled | None = None
    supported_os: Lines = ()


class Draft(_Strict, frozen=True, kw_only=True):
    """What everything says of itself.

    `downloads` may be there, since every answer has it, but counts for
    nothing: the registry counts.
    """

    name: str
    version: str
    description: Prose = ""
    author: Line = ""
    downloads: Count | None = None
    rating: Rating = 0.0


class ProfileDraft(Draft, frozen=True, kw_only=True):
    """A profile."""

    tags: Lines = ()
    compatible_games: Lines = ()
    system_requirements: Requirements = Requirements()


class PluginDraft(Draft, frozen=True, kw_only=True):
    """A plugin."""

    plugin_type: Filled
    supported_platforms: Lines = ()


class TemplateDraft(Draft, frozen=True, kw_only=True):
    """A template."""

    tags: Lines = ()


class Metadata(_Strict, frozen=True, kw_only=True):
    """Where something comes from."""

    author_email: Line | None = None
    license: Line | None = None
    repository: Address | None = None
    documentation: Address | None = None


class ProfileMetadata(Metadata, frozen=True, kw_only=True):
    """Where a profile comes from: there must be someone to ask."""

    author_email: Filled


class Upload(_Strict, frozen=True, kw_only=True):
    """Something new: what it says of itself, and its content."""

    metadata: Metadata = Metadata()

    @property
    def draft(self) -> Draft:
        """What it says of itself."""
        raise NotImplementedError

    @property
    def data(self) -> bytes | None:
        """Its content; None to have it made of the rest."""
        raise NotImplementedError


class ProfileUpload(Upload, frozen=True, kw_only=True):
    """A profile; without content of its own, what it says of itself becomes the content."""

    profile: ProfileDraft
    metadata: ProfileMetadata
    profile_data: str | None = None

    @property
    def draft(self) -> ProfileDraft:
        """What it says of itself."""
        return self.profile

    @property
    def data(self) -> bytes | None:
        """Its TOML, if there is any."""
        return None if self.profile_data is None else self.profile_data.encode()


class PluginUpload(Upload, frozen=True, kw_only=True):
    """A plugin, its content in base64."""

    plugin: PluginDraft
    plugin_data: bytes

    @property
    def draft(self) -> PluginDraft:
        """What it says of itself."""
        return self.plugin

    @property
    def data(self) -> bytes:
        """Its content."""
        return self.plugin_data


class TemplateUpload(Upload, frozen=True, kw_only=True):
    """A template, its content the text of a Boltfile."""

    template: TemplateDraft
    template_data: str

    @property
    def draft(self) -> TemplateDraft:
        """What it says of itself."""
        return self.template

    @property
    def data(self) -> bytes:
        """Its content."""
        return self.template_data.encode()


class Search(_Strict, frozen=True, kw_only=True):
    """What is looked for, how it is to be sorted, and which page of it."""

    query: str | None = None
    sort_by: str | None = None
    sort_order: str | None = None
    page: Any = None
    per_page: Any = None


class ProfileSearch(Search, frozen=True, kw_only=True):
    """A search in the profiles."""

    tags: tuple[str, ...] | None = None
    game: str | None = None
    gpu_vendor: str | None = None


class PluginSearch(Search, frozen=True, kw_only=True):
    """A search in the plugins."""

    plugin_type: str | None = None
    platform: str | None = None


class TemplateSearch(Search, frozen=True, kw_only=True):
    """A search in the templates."""

    tags: tuple[str, ...] | None = None
