import inspect
import pickle
import re

import pytest

from ghostnb import errors
from ghostnb.errors import (
    Diagnostic,
    GhostnbError,
    InvalidReferenceError,
    RegistryError,
    TransportTimeoutError,
    redact_url,
)

LINE = re.compile(r"(?P<indent>(?:│   |    )*)(?:├── |└── )?(?P<name>\w+Error)\b(?P<rest>.*)")


def drawn() -> list[tuple[str, str, str]]:
    """Read (class, base, other base) from the tree in the module's docstring."""
    tree = (errors.__doc__ or "").partition("::\n\n")[2].partition("\n\n")[0]
    rows, path = [], []
    for line in inspect.cleandoc(tree).splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        depth = (len(match["indent"]) // 4 + 1) * ("──" in line)
        path[depth:] = [match["name"]]
        also = re.search(r"\(also (\w+)\)", match["rest"])
        rows.append((match["name"], path[-2] if depth else "", also[1] if also else ""))
    return rows


def real() -> list[tuple[str, str, str]]:
    """Give the same of the classes that there are."""
    rows = []
    for kind in every_class():
        base, *others = (base.__name__ for base in kind.__bases__)
        rows.append((kind.__name__, "" if kind is GhostnbError else base, "".join(others)))
    return rows


def every_class() -> list[type[GhostnbError]]:
    classes = [member for _, member in inspect.getmembers(errors, inspect.isclass)]
    return [member for member in classes if issubclass(member, GhostnbError)]


def make(kind: type[GhostnbError]) -> GhostnbError:
    if not issubclass(kind, RegistryError):
        return kind("It broke.", hint="Mend it.")
    said = (Diagnostic("X", "m", "d"),)
    url = "https://me:s3cret@r.example/v2/?sig=s3cret"
    return kind(
        "It broke.", hint="Mend it.", registry="team", url=url, status=418, diagnostics=said
    )


def test_the_drawn_tree_is_the_real_one():
    assert sorted(real()) == sorted(drawn())


def test_every_class_is_drawn_below_its_base_once():
    names = [name for name, _, _ in drawn()]

    assert len(names) == len(set(names)) > 10


def test_every_public_name_is_exported_in_order():
    own = {
        name
        for name, member in vars(errors).items()
        if getattr(member, "__module__", "") == errors.__name__ and not name.startswith("_")
    }

    assert sorted(own) == errors.__all__


@pytest.mark.parametrize("kind", every_class())
def test_an_error_says_what_happened_and_what_to_try_next(kind):
    error = make(kind)

    assert (error.message, error.hint) == ("It broke.", "Mend it.")
    assert str(error) == "It broke. Mend it."
    assert str(kind("It broke.")) == "It broke."


@pytest.mark.parametrize("kind", every_class())
def test_an_error_keeps_its_fields_through_a_pickle(kind):
    error = make(kind)
    copy = pickle.loads(pickle.dumps(error))

    assert (type(error), str(error), vars(error)) == (type(copy), str(copy), vars(copy))


@pytest.mark.parametrize(
    "kind", [kind for kind in every_class() if issubclass(kind, RegistryError)]
)
def test_a_registrys_error_shows_nothing_secret(kind):
    error = make(kind)

    assert error.url == "https://r.example/v2/?sig=…"
    assert "s3cret" not in str(error) + repr(error) + str(vars(error))


def test_some_errors_are_also_of_the_builtin_kind_that_one_expects():
    with pytest.raises(ValueError, match="no"):
        raise InvalidReferenceError("no")
    with pytest.raises(TimeoutError):
        raise TransportTimeoutError("no")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("https://r.example/v2/", "https://r.example/v2/"),
        ("https://r.example:5000/v2/#s3cret", "https://r.example:5000/v2/"),
        ("https://me:s3cret@r.example/v2/", "https://r.example/v2/"),
        ("https://me:s3@cret@r.example/", "https://r.example/"),
        ("https://s3cret@[::1]:5000/x", "https://[::1]:5000/x"),
        ("https://x/?sig=s3cret&n=1", "https://x/?sig=…&n=…"),
        ("https://x/?sig=s3cret=s3cret", "https://x/?sig=…"),
        ("https://x/?", "https://x/"),
        ("https://[s3cret/", "(a URL that cannot be read)"),
    ],
)
def test_a_redacted_url_keeps_only_what_is_not_secret(url, expected):
    assert redact_url(url) == expected


def test_a_diagnostic_shows_its_code_and_message():
    assert str(Diagnostic("X", "m", "d")) == "X: m"
    assert str(Diagnostic("X")) == "X"
