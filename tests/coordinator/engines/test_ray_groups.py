"""Which placement groups there are to be, whatever was there before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from cluster.config.keys import RayConfig
from coordinator.engines.ray_placement.groups import MIB, Group, Node, change, fits, terms_of

FOLLOW = RayConfig()


def node(name: str, cpus: float = 1.0, memory: float = 1e9, **labels: str) -> Node:
    return Node(name, cpus, memory, labels)


def settled(
    config: RayConfig, nodes: Sequence[Node], groups: Sequence[Group]
) -> tuple[list[Group], int]:
    """Do what `change` says until there is nothing to do. Return the groups, and after how many
    times."""
    now = list(groups)
    for turn in range(4):
        remove, make = change(config, nodes, now)
        assert not (remove and make), "names and room are free before others are made"
        if not remove and not make:
            return now, turn
        now = [group for group in now if group not in remove] + make
    raise AssertionError("it comes to no end")


def test_each_node_that_fits_has_an_agent() -> None:
    groups, _ = settled(FOLLOW, [node("a"), node("head", cpus=0), node("b")], [])
    assert [(group.agents, group.node) for group in groups] == [((0,), "a"), ((1,), "b")]


def test_an_agent_goes_with_its_node_and_its_number_is_free_again() -> None:
    before, _ = settled(FOLLOW, [node("a"), node("b"), node("c")], [])
    after, _ = settled(FOLLOW, [node("a"), node("c"), node("d")], before)
    assert {group.node: group.agents for group in after} == {"a": (0,), "c": (2,), "d": (1,)}


def test_of_two_agents_of_one_number_the_later_one_goes() -> None:
    terms = terms_of(FOLLOW)
    before = [Group(terms, (0,), "b"), Group(terms, (0,), "a")]
    after, _ = settled(FOLLOW, [node("a"), node("b")], before)
    assert [(group.agents, group.node) for group in after] == [((0,), "a"), ((1,), "b")]


def test_so_many_agents_are_one_group_that_ray_spreads() -> None:
    config = RayConfig(hosts=3)
    groups, _ = settled(config, [node("a")], [])
    assert groups == [Group(terms_of(config), (0, 1, 2), "")]
    assert settled(config, [], groups) == (groups, 0), "it waits for nodes"


def test_who_asks_for_something_else_has_other_groups() -> None:
    nodes = [node("a", cpus=4), node("b", cpus=4)]
    before, _ = settled(FOLLOW, nodes, [])
    for config in (RayConfig(cpus=2), RayConfig(hosts=2), RayConfig(memory_mb=10)):
        after, _ = settled(config, nodes, before)
        assert not set(after) & set(before)
        assert sum(len(group.agents) for group in after) == 2


def test_a_node_fits_by_labels_cpus_and_memory() -> None:
    config = RayConfig(cpus=2, memory_mb=100, labels={"pool": "gateway"})
    good = node("a", 2, 100 * MIB, pool="gateway", zone="x")
    assert fits(good, config)
    assert not fits(good._replace(cpus=1.9), config)
    assert not fits(good._replace(memory=100 * MIB - 1), config)
    assert not fits(good._replace(labels={"pool": "other"}), config)
    assert not fits(good._replace(labels={}), config)


@given(
    st.sampled_from(["dcgw-a-1", "dcgw-b-2"]),
    st.one_of(
        st.integers(1, 9).map(lambda size: Group("00ff", tuple(range(size)), "")),
        st.builds(Group, st.just("00ff"), st.tuples(st.integers(0, 99)), st.sampled_from("abc")),
    ),
)
def test_a_name_says_all_of_a_group(namespace: str, group: Group) -> None:
    name = group.name(namespace)
    assert Group.read(namespace, name) == group
    assert Group.read(f"{namespace}x", name) is None


def test_names_of_others_are_none_of_ours() -> None:
    for name in ("", "trainer", "dcgw-a-1:t:spread", "dcgw-a-1:t:x:node", "dcgw-a-1:t:spread:x"):
        assert Group.read("dcgw-a-1", name) is None


numbers = st.integers(0, 5)
names = st.sampled_from("abcdef")
terms = st.sampled_from([terms_of(FOLLOW), "other"])
some_groups = st.lists(
    st.one_of(
        st.builds(lambda t, n, where: Group(t, (n,), where), terms, numbers, names),
        st.builds(lambda t, n: Group(t, tuple(range(n)), ""), terms, st.integers(1, 4)),
    ),
    max_size=8,
    unique=True,
)


@given(some_groups, st.lists(names, unique=True), st.sampled_from([0, 0, 2]))
def test_whatever_was_there_no_two_agents_are_on_a_node_or_have_a_number(
    groups: list[Group], alive: list[str], hosts: int
) -> None:
    config = RayConfig(hosts=hosts)
    after, turns = settled(config, [node(name) for name in alive], groups)
    assert turns <= 2
    taken = [number for group in after for number in group.agents]
    if hosts:
        assert taken == list(range(hosts))
    else:
        assert sorted(group.node for group in after) == sorted(alive)
        assert len(set(taken)) == len(taken)
