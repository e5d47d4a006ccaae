"""Amazon ECR Public: anonymous or not, and what an owner has there."""

from __future__ import annotations

import warnings

import pytest

from ghostnb.errors import ForbiddenError, UnauthorizedError, UnsupportedError
from ghostnb.oci import Digest
from tests.parts.images import plain_image
from tests.registries.vendors.ecr.replay import PublicReplay, authorization, document
from tests.registries.vendors.ecr.runs import PUBLIC, listed, run
from tests.warned import told

PAGE = {"maxResults": 1000}
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def image(public):
    made = plain_image("nginx")
    public.held.add("docker/library/nginx:1", made)
    return made


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_everybody_may_read(image, host):
    replay = PublicReplay(host)
    replay.held.add("docker/library/nginx:1", image)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = run(replay, listed("tag_details", "docker/library/nginx"), url=f"https://{host}")

    assert found.digest == image.digest
    assert replay.users == 0


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_aws_credentials_get_a_password_of_a_users_own(aws, host):
    aws.expect("ecr-public.get_authorization_token", authorization(is_public=True))
    replay = PublicReplay(host)
    replay.held.add("docker/library/nginx:1", plain_image("nginx"))

    found = run(replay, listed("tags", "docker/library/nginx"), url=f"https://{host}")

    assert (found, replay.users) == (["1"], 1)
    (service, options) = aws.made[0]
    assert (service, options["region_name"]) == ("ecr-public", "us-east-1")


def test_credentials_that_may_not_are_said_once_and_everybody_may_read(aws, public, image):
    for _ in range(2):
        aws.refuse("ecr-public.get_authorization_token", "AccessDeniedException", "Not you.")

    async def work(registry):
        await registry._vendor.credentials()
        return await listed("tags", "docker/library/nginx")(registry)

    with pytest.warns(UserWarning, match=r"Not you.*without AWS credentials") as warned:
        assert run(public, work, url=PUBLIC) == ["1"]
    assert len(told(warned)) == 1
    assert public.users == 0


def test_with_a_profile_they_are_an_error(public, image):
    with pytest.raises(UnauthorizedError, match=r"\(work\) could not be found"):
        run(public, listed("tags", "docker/library/nginx"), url=PUBLIC, profile="work")


def test_repositories_are_ones_own_under_the_registrys_name(aws, public):
    aws.expect("ecr-public.describe_repositories", document("public_repositories"), **PAGE)

    found = [one.repository for one in run(public, listed("repositories"), url=PUBLIC)]
    assert found == ["acme/tools/cli", "acme/web"]
    assert public.asked == []


@pytest.mark.parametrize(
    ("namespace", "names"),
    [
        ("acme", ["acme/tools/cli", "acme/web"]),
        ("a1b2c3d4", ["a1b2c3d4/tools/cli", "a1b2c3d4/web"]),
        ("acme/tools", ["acme/tools/cli"]),
    ],
)
def test_an_alias_is_a_namespace(aws, public, namespace, names):
    aws.expect("ecr-public.describe_registries", document("public_registries"), **PAGE)
    aws.expect("ecr-public.describe_repositories", document("public_repositories"), **PAGE)

    found = run(public, listed("repositories", namespace), url=PUBLIC)
    assert [one.repository for one in found] == names


def test_anothers_repositories_are_not_listed(aws, public):
    aws.expect("ecr-public.describe_registries", document("public_registries"), **PAGE)

    with pytest.raises(UnsupportedError, match=r"a1b2c3d4 and acme: docker is another's") as e:
        run(public, listed("repositories", "docker"), url=PUBLIC)
    assert "gallery.ecr.aws" in e.value.hint
    assert public.asked == []


def test_without_aws_credentials_nothing_is_listed(public):
    with pytest.raises(UnauthorizedError, match="Unable to locate credentials"):
        run(public, listed("repositories"), url=PUBLIC)


def test_a_tag_is_deleted_under_its_alias(aws, public):
    image = plain_image("cli")
    public.held.add("acme/tools/cli:1.2", image)
    aws.expect("ecr-public.get_authorization_token", authorization(is_public=True))
    aws.expect("ecr-public.describe_registries", document("public_registries"), **PAGE)
    aws.expect(
        "ecr-public.describe_images",
        {"imageDetails": [{"imageDigest": DIGEST, "imageTags": ["1.2", "latest"]}]},
        repositoryName="tools/cli",
        imageIds=[{"imageTag": "1.2"}],
    )
    aws.expect(
        "ecr-public.batch_delete_image",
        document("deleted_tag"),
        registryId="acme",
        repositoryName="tools/cli",
        imageIds=[{"imageTag": "1.2"}],
    )

    run(public, lambda one: one.delete_tag("acme/tools/cli", "1.2"), url=PUBLIC)


def test_a_tag_in_anothers_registry_stays_since_its_image_may_go_with_it(aws, public):
    aws.expect("ecr-public.describe_registries", document("public_registries"), **PAGE)

    async def work(registry):
        await registry._vendor.delete_tag("docker/tools/cli", "1.2")

    with pytest.raises(UnsupportedError, match=r"docker is another's.*by its digest"):
        run(public, work, url=PUBLIC)


def test_an_image_is_deleted_under_its_alias(aws, public):
    aws.expect(
        "ecr-public.batch_delete_image",
        {"imageIds": [{"imageDigest": DIGEST}], "failures": []},
        registryId="acme",
        repositoryName="web",
        imageIds=[{"imageDigest": DIGEST}],
    )

    async def work(registry):
        return await registry._vendor.delete_manifest("acme/web", Digest(DIGEST))

    assert run(public, work, url=PUBLIC) is True


def test_what_is_anothers_is_not_deleted(aws, public):
    aws.refuse("ecr-public.batch_delete_image", "AccessDeniedException", "Not yours.")

    with pytest.raises(ForbiddenError, match="Not yours"):
        run(public, lambda one: one.check_deletable("docker/library/nginx"), url=PUBLIC)


def test_rights_are_asked_in_its_own_region(aws, public):
    aws.expect("sts.get_caller_identity", document("caller_identity"))

    assert "user/ada" in run(public, lambda one: one._vendor.rights(), url=PUBLIC)
    assert aws.made[0][1]["region_name"] == "us-east-1"


def test_what_its_own_api_does_is_told(public):
    from ghostnb.registries.vendors import offers_of

    assert offers_of("ecr-public") == ("repositories", "tag deletion")
