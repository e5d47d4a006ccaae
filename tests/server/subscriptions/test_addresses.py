import asyncio
import ipaddress

import pytest

from ghostnb.server.subscriptions.addresses import (
    AddressRefusedError,
    allowed_addresses,
    objection,
    resolve,
)
from tests.server.subscriptions.receiving import resolver

MACHINE, LINK, MANY = "this machine", "a link-local address", "a multicast address"
CLOUD, RESERVED = "a cloud's service for this machine", "a reserved address"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", MACHINE),
        ("127.255.255.254", MACHINE),
        ("0.0.0.0", MACHINE),
        ("::1", MACHINE),
        ("::", MACHINE),
        ("::ffff:127.0.0.1", MACHINE),
        ("::ffff:0.0.0.0", MACHINE),
        ("64:ff9b::7f00:1", MACHINE),
        ("2002:7f00:1::", MACHINE),
        ("169.254.169.254", LINK),
        ("::ffff:169.254.169.254", LINK),
        ("64:ff9b::a9fe:a9fe", LINK),
        ("fe80::1", LINK),
        ("fe80::1%eth0", LINK),
        ("224.0.0.1", MANY),
        ("ff02::1", MANY),
        ("::ffff:239.255.255.250", MANY),
        ("255.255.255.255", RESERVED),
        ("240.0.0.1", RESERVED),
        ("::7f00:1", RESERVED),
        ("64:ff9b:1::7f00:1", RESERVED),
        ("fd00:ec2::254", CLOUD),
        ("fd20:ce::254", CLOUD),
        ("100.100.100.200", CLOUD),
        ("::ffff:168.63.129.16", CLOUD),
    ],
)
def test_events_are_not_sent_there(address, expected):
    assert objection(ipaddress.ip_address(address)) == expected


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd12::1",
        "2001:4860:4860::8888", "::ffff:10.0.0.1", "64:ff9b::808:808", "2002:808:808::1",
    ],
)  # fmt: skip
def test_events_are_sent_there(address):
    assert objection(ipaddress.ip_address(address)) == ""


def looked_up(*addresses, allow_internal=False):
    asked = allowed_addresses(
        "hook.example", 443, resolver(list(addresses)), allow_internal=allow_internal
    )
    return [str(address) for address in asyncio.run(asked)]


def test_all_of_a_hosts_addresses_are_given_in_their_order():
    assert looked_up("2001:db8::1", "10.0.0.1") == ["2001:db8::1", "10.0.0.1"]


def test_one_address_that_is_refused_is_enough():
    with pytest.raises(AddressRefusedError, match=r"hook.example leads to ::1, which is this mac"):
        looked_up("10.0.0.1", "::1")


def test_internal_addresses_are_given_where_they_are_allowed():
    assert looked_up("127.0.0.1", "fe80::1", allow_internal=True) == ["127.0.0.1", "fe80::1"]


def test_a_host_without_addresses_is_none():
    with pytest.raises(OSError, match="no such host"):
        looked_up()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
    ],
)
def test_the_system_says_which_address_a_spelling_means(host, expected):
    assert asyncio.run(resolve(host, 80)) == [expected]


def test_the_system_knows_this_machine_by_name():
    assert {"127.0.0.1", "::1"} & set(asyncio.run(resolve("localhost", 80)))
