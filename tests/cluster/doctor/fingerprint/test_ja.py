"""JA3 and JA4 against the examples that their authors and others publish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.fingerprint.client_hello import ClientHello, parse
from cluster.doctor.fingerprint.ja import ja3, ja3_hash, ja4, ja4_raw
from tests.cluster.doctor.fingerprint import hellos

CIPHERS = [
    *(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013),
    *(0xC014, 0x009C, 0x009D, 0x002F, 0x0035),
]
ALGORITHMS = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
INSIDE = hellos.contents(
    groups=[0x1A1A, 0x11EC, 29, 23, 24],
    formats=[0],
    algorithms=ALGORITHMS,
    alpn=[b"h2", b"http/1.1"],
    versions=[0x2A2A, 0x0304, 0x0303],
)


def hello(extensions: list[int], inside: dict[int, bytes] = INSIDE) -> ClientHello:
    ciphers, kinds = [hellos.GREASED, *CIPHERS], [hellos.GREASED, *extensions, hellos.GREASED]
    return parse(hellos.records(hellos.message(ciphers, kinds, inside)))


# technical_details/JA4.md of FoxIO-LLC/ja4
JA4_EXTENSIONS = [
    *(0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023),
    *(0x0012, 0x002B, 0xFF01, 0x000B, 0x000A, 0x0015),
]


def test_ja4_of_its_description() -> None:
    found = hello(JA4_EXTENSIONS)
    assert ja4(found) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4_raw(found) == (
        "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
        "0403,0804,0401,0503,0805,0501,0806,0601"
    )


def test_ja4_without_signature_algorithms() -> None:
    """Its description gives the hash of the same list that ends with no underscore."""
    without = hello(JA4_EXTENSIONS, {**INSIDE, 13: hellos.block(b"", 2)})
    assert ja4(without).split("_")[2] == "6d807ffa2a79"


# What tls.browserleaks.com said of Chrome 143
CHROME_143 = [
    *(0x002D, 0x0033, 0x0010, 0xFE0D, 0x0017, 0x44CD, 0x0000, 0x000B, 0x000A, 0x002B),
    *(0xFF01, 0x0023, 0x0012, 0x0005, 0x000D, 0x001B),
]


def test_chrome_143_as_it_was_seen() -> None:
    found = hello(CHROME_143)
    assert ja4(found) == "t13d1516h2_8daaf6152771_d8a2da3f94cd"
    assert ja3(found) == (
        "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        "45-51-16-65037-23-17613-0-11-10-43-65281-35-18-5-13-27,4588-29-23-24,0"
    )
    assert ja3_hash(ja3(found)) == "98487aa16281980e7d1120d399efb6a4"
    assert ja3_hash(ja3(found, sort=True)) == "8e19337e7524d2573be54efb2b0784c9"


@given(st.permutations(CHROME_143))
def test_the_order_of_extensions_moves_ja3_and_nothing_else(shuffled: list[int]) -> None:
    found, seen = hello(shuffled), hello(CHROME_143)
    assert (ja4(found), ja4_raw(found)) == (ja4(seen), ja4_raw(seen))
    assert ja3(found, sort=True) == ja3(seen, sort=True)
    assert (ja3(found) == ja3(seen)) == (shuffled == CHROME_143)


def test_ja3_of_its_readme() -> None:
    inside = hellos.contents(groups=[23, 24, 25], formats=[0])
    ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]
    found = parse(hellos.records(hellos.message(ciphers, [0, 10, 11], inside, version=769)))
    assert ja3(found) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert ja3_hash(ja3(found)) == "ada70206e40642a3e4461f35503241d5"


def test_ja3_of_its_readme_without_extensions() -> None:
    ciphers = [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99]
    found = parse(hellos.records(hellos.message(ciphers, None, version=769)))
    assert ja3(found) == "769,4-5-10-9-100-98-3-6-19-18-99,,,"
    assert ja3_hash(ja3(found)) == "de350869b8c85de67a350c8d186f11e6"
    assert ja4(found).startswith("t10i110000_")
    assert ja4(found).endswith("_000000000000")


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"x", "xx"),
        (b"\xab", "ab"),
        (b"\x20", "20"),
        (b"\xab\xcd", "ad"),
        (b"\x20\x61", "21"),
        (b"\x30\xab", "3b"),
        (b"\x61\x20", "60"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
        (b"", "00"),
    ],
)
def test_ja4_s_table_of_protocols(first: bytes, shown: str) -> None:
    inside = {**INSIDE, 16: hellos.contents(alpn=[first])[16]}
    assert ja4(hello([16], inside)).split("_")[0] == f"t12i1501{shown}"


def test_without_protocols_and_with_more_than_99_of_a_list() -> None:
    kinds = list(range(1000, 1120))
    ciphers = list(range(1, 121))
    found = parse(hellos.records(hellos.message(ciphers, kinds)))
    assert ja4(found).startswith("t12i999900_")
