"""What every answer is, and those that say little more than that."""

import msgspec

__all__ = ["Answer", "Done", "FailureAnswer", "Health"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Something answered."""


class FailureAnswer(Answer, frozen=True, kw_only=True):
    """What is wrong, for people and (`code`) for programs; `problems` has it by field."""

    success: bool = False
    message: str
    code: str
    problems: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class Done(Answer, frozen=True, kw_only=True):
    """It is done."""

    success: bool = True
    message: str


class Health(Answer, frozen=True, kw_only=True):
    """The agent answers."""

    status: str
    service: str
    timestamp: str
    version: str
