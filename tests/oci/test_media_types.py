from ghostnb.oci import media_types


def test_every_manifest_type_is_accepted_and_schema_one_last():
    accepted = media_types.ACCEPTED_MANIFESTS

    assert set(accepted[:-1]) == media_types.MANIFESTS | media_types.INDEXES
    assert accepted[-1] == media_types.DOCKER_SCHEMA1_SIGNED


def test_each_media_type_has_one_name():
    texts = [text for name, text in vars(media_types).items() if name.startswith(("OCI", "DOCKER"))]

    assert sorted(set(texts)) == sorted(texts)
