"""Switch fabrics: links counted by hand, routes followed link by link, loads under known traffic."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.models.errors import SpecError
from nearlinear.simulator.fabrics.dragonfly import dragonfly
from nearlinear.simulator.fabrics.fat_tree import fat_tree
from nearlinear.simulator.fabrics.mixing import mixed
from nearlinear.simulator.fabrics.network import Network, Routes
from nearlinear.simulator.fabrics.rail import rail
from nearlinear.simulator.fabrics.routing import Routing
from nearlinear.simulator.fabrics.spec import read_fabric
from nearlinear.simulator.fabrics.switch import switch
from nearlinear.simulator.fabrics.torus import cuboid, torus

# A fabric, its hosts (some leaves, pods, groups and sides partly filled), and the first switch of a host.
CASES: dict[str, tuple[int, Callable[[int], str]]] = {
    "fat-tree:down=4,oversubscription=2": (14, lambda h: f"leaf {h // 4}"),
    "fat-tree:levels=3,down=2,pod=2": (11, lambda h: f"leaf {h // 2}"),
    "fat-tree:down=3,pod=2,core-oversubscription=2": (20, lambda h: f"leaf {h // 3}"),
    "rail:rails=2,down=2": (9, lambda h: f"rail {h % 2} leaf {h // 2 // 2}"),
    "dragonfly:routers=3,hosts=2,global=2": (23, lambda h: f"router {h // 6}.{h // 2 % 3}"),
    "dragonfly:routers=2,hosts=1,global=4": (4, lambda h: f"router {h // 2}.{h % 2}"),
    "dragonfly:routers=4,hosts=1,global=1": (20, lambda h: f"router {h // 4}.{h % 4}"),
    "dragonfly:routers=3,hosts=3": (9, lambda h: f"router 0.{h // 3}"),
    "torus:dims=4x3x2": (22, lambda h: f"({h // 6},{h // 2 % 3},{h % 2})"),
    "torus:dims=5x1x4": (20, lambda h: f"({h // 4},0,{h % 4})"),
    "torus:dims=3x2x3x2": (36, lambda h: f"({h // 12},{h // 6 % 2},{h // 2 % 3},{h % 2})"),
}
ROUTINGS = ("shortest", "ecmp", "adaptive")
every_case = pytest.mark.parametrize("case", CASES)
every_routing = pytest.mark.parametrize("routing", ROUTINGS)


def _network(case: str, routing: str = "shortest") -> Network:
    return read_fabric(f"{case},routing={routing}", CASES[case][0])


def _pairs(hosts: int) -> tuple[IntArray, IntArray]:
    """Return all pairs of hosts."""
    source, destination = np.divmod(np.arange(hosts * hosts), hosts)
    return source, destination


def _ends(name: str) -> tuple[str, str]:
    """Return where a link begins and ends, by its name."""
    start, end = re.sub(r" link \d+$", "", name).split(" -> ")
    return start, end


def _path(network: Network, source: int, destination: int) -> list[str]:
    routes = network.route(np.array([source]), np.array([destination]))
    return [network.name(link) for link in routes.links[0] if link >= 0]


def _shares(network: Network, source: int, destination: int) -> dict[str, float]:
    routes = network.route(np.array([source]), np.array([destination]))
    assert routes.share is not None
    used = routes.links[0] >= 0
    return {
        network.name(link): share
        for link, share in zip(routes.links[0][used], routes.share[0][used], strict=True)
    }


def _switches(network: Network, source: int, destination: int) -> int:
    return int(network.route(np.array([source]), np.array([destination])).switches[0])


def _load(network: Network, source: IntArray, destination: IntArray) -> FloatArray:
    """Return how many flows every link carries."""
    routes = network.route(source, destination)
    share = np.ones(routes.links.shape) if routes.share is None else routes.share
    used = routes.links >= 0
    return np.asarray(
        np.bincount(routes.links[used], weights=share[used], minlength=len(network.capacity)), dtype=float
    )


def _distances(network: Network, start: str) -> dict[str, int]:
    """Return the fewest links from a switch, with one link at most between groups of a dragonfly."""
    after = defaultdict(set)
    for link in range(len(network.capacity)):
        begin, end = _ends(network.name(link))
        after[begin].add((end, begin.startswith("router") and begin.split(".")[0] != end.split(".")[0]))
    found, seen, reached = {start: 0}, {(start, 0)}, [(start, 0)]
    for steps in range(1, 50):
        step = {(end, crossed + away) for at, crossed in reached for end, away in after[at]}
        reached = [state for state in step - seen if state[1] <= 1]
        seen |= set(reached)
        for end, _ in reached:
            found.setdefault(end, steps)
    return found


# Links and names


def test_one_switch_has_no_links() -> None:
    network = switch(5)
    assert (network.title, network.hosts, len(network.capacity)) == ("one switch, 5 hosts", 5, 0)
    routes = network.route(np.array([0, 3]), np.array([4, 3]))
    assert routes.links.shape == (2, 0)
    assert routes.switches.tolist() == [1, 0]
    with pytest.raises(IndexError):
        network.name(0)


def test_links_of_a_two_level_fat_tree() -> None:
    """16 hosts under 4 leaves with 4 / 2 = 2 up-links: 4 x 2 up and as many down."""
    network = fat_tree(16, down=4, oversubscription=2)
    assert network.capacity.tolist() == [1.0] * 16
    assert network.title == "2-level fat tree, 16 hosts, 2:1 oversubscribed, shortest"
    assert [network.name(link) for link in (0, 3, 8, 15)] == [
        "leaf 0 -> spine 0", "leaf 1 -> spine 1", "spine 0 -> leaf 0", "spine 1 -> leaf 3",
    ]  # fmt: skip


def test_links_of_a_three_level_fat_tree() -> None:
    """8 hosts, 4 leaves with 2 up-links, 2 pods of 2 aggregation switches with 2 up-links: 2 (8 + 8)."""
    network = fat_tree(8, levels=3, down=2, pod=2)
    assert network.capacity.tolist() == [1.0] * 32
    assert [network.name(link) for link in (0, 15, 16, 31)] == [
        "leaf 0 -> aggregation 0.0", "aggregation 1.1 -> leaf 3",
        "aggregation 0.0 -> core 0.0", "core 1.1 -> aggregation 1.1",
    ]  # fmt: skip


def test_oversubscription_at_the_core_thins_the_upper_links_alone() -> None:
    """Aggregation switches keep 1 of 2 up-links: 2 (8 + 4)."""
    network = fat_tree(8, down=2, pod=2, core_oversubscription=2)
    assert len(network.capacity) == 24
    assert network.title == "3-level fat tree, 8 hosts, 2:1 oversubscribed at the core, shortest"


def test_the_title_states_the_ratio_that_rounding_leaves() -> None:
    """32 / 3 = 10.7, so 11 up-links: 32 / 11 = 2.91."""
    assert "2.91:1 oversubscribed" in fat_tree(64, oversubscription=3).title
    assert "4:1 oversubscribed" in fat_tree(64, down=4, oversubscription=100).title


def test_bundles_hold_the_capacity_of_their_links() -> None:
    """4 leaves x 2 up-links; 2 pods x (2 aggregation switches x 2 up-links)."""
    network = fat_tree(8, levels=3, down=2, pod=2, routing=Routing(kind="adaptive"))
    assert network.capacity.tolist() == [2.0] * 8 + [4.0] * 4
    assert [network.name(link) for link in (1, 5, 9, 11)] == [
        "leaf 1 -> pod 0 aggregations", "pod 0 aggregations -> leaf 1",
        "pod 1 aggregations -> cores", "cores -> pod 1 aggregations",
    ]  # fmt: skip


def test_a_fat_tree_grows_a_third_level_when_spines_run_out_of_ports() -> None:
    """A spine of 2 x 32 ports reaches 64 leaves of 32 hosts."""
    assert fat_tree(2048).title.startswith("2-level")
    assert fat_tree(2049).title.startswith("3-level")


def test_links_of_the_65536_hosts_of_64_port_switches() -> None:
    """Al-Fares et al. 2008: k^3 / 4 hosts; k^3 / 4 cables each between leaf, aggregation and core."""
    assert len(fat_tree(65_536, levels=3).capacity) == 2 * 2 * 64**3 // 4


def test_links_of_rails() -> None:
    """4 nodes of 2 rails, 2 nodes under a leaf: 2 x 2 leaves with 2 up-links each."""
    network = rail(8, rails=2, down=2)
    assert network.capacity.tolist() == [1.0] * 16
    assert network.name(7) == "rail 1 leaf 1 -> spine 1"


def test_links_of_a_dragonfly() -> None:
    """3 groups of 2 routers: 3 x 2 links inside, and one link each way between every two groups."""
    network = dragonfly(6, routers=2, hosts_per_router=1, global_links=1)
    names = {network.name(link) for link in range(len(network.capacity))}
    assert names == {
        "router 0.0 -> router 0.1", "router 0.1 -> router 0.0", "router 1.0 -> router 1.1",
        "router 1.1 -> router 1.0", "router 2.0 -> router 2.1", "router 2.1 -> router 2.0",
        "router 0.0 -> router 1.1", "router 1.1 -> router 0.0",
        "router 1.0 -> router 2.1", "router 2.1 -> router 1.0",
        "router 2.0 -> router 0.1", "router 0.1 -> router 2.0",
    }  # fmt: skip


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("dragonfly")])
def test_global_links_are_spread_over_routers_and_groups(case: str) -> None:
    network = _network(case)
    ends = [_ends(network.name(link)) for link in range(len(network.capacity))]
    crossing = [(a, b) for a, b in ends if a.split(".")[0] != b.split(".")[0]]
    per_router = Counter(a for a, _ in crossing)
    assert max(per_router.values(), default=0) - min(per_router.values(), default=0) <= 1
    assert len(set(Counter((a.split(".")[0], b.split(".")[0]) for a, b in crossing).values())) <= 1
    assert Counter(crossing) == Counter((b, a) for a, b in crossing)  # cables have two directions


def test_links_of_a_torus() -> None:
    """2 dimensions x 2 directions from each of 12 places; one per place along a side of 2, none of 1."""
    assert torus(12, dims=(4, 3)).capacity.tolist() == [1.0] * 48
    assert len(torus(8, dims=(4, 2)).capacity) == 8 * (2 + 1)
    assert len(torus(4, dims=(1, 4)).capacity) == 4 * 2
    assert torus(12, dims=(4, 3)).name(0) == "(0,0) -> (1,0)"
    assert torus(12, dims=(4, 3)).name(3) == "(0,0) -> (0,2)"


@every_case
@every_routing
def test_no_two_links_are_called_alike(case: str, routing: str) -> None:
    network = _network(case, routing)
    assert len({network.name(link) for link in range(len(network.capacity))}) == len(network.capacity)


# Routes by hand


def test_a_route_up_and_down_two_levels() -> None:
    network = fat_tree(16, down=4, oversubscription=2)
    assert _path(network, 0, 5) == ["leaf 0 -> spine 1", "spine 1 -> leaf 1"]  # 5 modulo 2
    assert _path(network, 0, 3) == []
    assert [_switches(network, 0, d) for d in (0, 3, 5)] == [0, 1, 3]


def test_a_route_up_and_down_three_levels() -> None:
    network = fat_tree(8, levels=3, down=2, pod=2)
    assert _path(network, 0, 7) == [  # 7 modulo 4 = 3 = core 1 of plane 1
        "leaf 0 -> aggregation 0.1", "aggregation 0.1 -> core 1.1",
        "core 1.1 -> aggregation 1.1", "aggregation 1.1 -> leaf 3",
    ]  # fmt: skip
    assert _path(network, 0, 2) == ["leaf 0 -> aggregation 0.0", "aggregation 0.0 -> leaf 1"]
    assert [_switches(network, 0, d) for d in (0, 1, 2, 7)] == [0, 1, 3, 5]


def test_a_rail_meets_no_link_under_its_leaf() -> None:
    network = rail(8, rails=2, down=2)
    assert _path(network, 0, 2) == []  # node 0 to node 1, both rail 0
    assert _path(network, 0, 1) == ["rail 0 leaf 0 -> spine 0", "spine 0 -> rail 1 leaf 0"]  # same node
    assert _path(network, 0, 6) == ["rail 0 leaf 0 -> spine 1", "spine 1 -> rail 0 leaf 1"]  # node 3
    assert [_switches(network, 0, d) for d in (0, 2, 1, 6)] == [0, 1, 3, 3]


def test_a_ring_along_a_rail_loads_every_up_link_at_most_once() -> None:
    """Every host sends to the same rail of the next node: one flow leaves each leaf of 4."""
    network = rail(32, rails=2, down=4)
    hosts = np.arange(32)
    load = _load(network, hosts, (hosts + 2) % 32)
    assert load.sum() == 2 * 2 * 4  # up and down, 2 rails, 4 leaves each
    assert load.max() == 1


def test_minimal_routes_of_a_dragonfly() -> None:
    network = dragonfly(6, routers=2, hosts_per_router=1, global_links=1)
    assert _path(network, 0, 3) == ["router 0.0 -> router 1.1"]
    assert _path(network, 0, 2) == ["router 0.0 -> router 1.1", "router 1.1 -> router 1.0"]
    assert _path(network, 1, 2) == [
        "router 0.1 -> router 0.0", "router 0.0 -> router 1.1", "router 1.1 -> router 1.0",
    ]  # fmt: skip
    assert [_switches(network, 1, d) for d in (1, 0, 3, 2)] == [0, 2, 3, 4]


def test_half_of_an_adaptive_flow_stops_over_in_a_third_group() -> None:
    network = dragonfly(6, routers=2, hosts_per_router=1, global_links=1, routing=Routing(kind="adaptive"))
    assert _shares(network, 0, 3) == dict.fromkeys(
        [
            "router 0.0 -> router 1.1", "router 0.0 -> router 0.1", "router 0.1 -> router 2.0",
            "router 2.0 -> router 2.1", "router 2.1 -> router 1.0", "router 1.0 -> router 1.1",
        ],
        0.5,
    )  # fmt: skip
    assert _switches(network, 0, 3) == 6  # on the way by group 2
    assert _shares(network, 0, 1) == {"router 0.0 -> router 0.1": 1.0}


def test_the_minimal_share_is_an_option() -> None:
    text = "dragonfly:routers=2,hosts=1,global=1,routing=adaptive,minimal={}"
    assert _shares(read_fabric(text.format(1), 6), 0, 3) == {"router 0.0 -> router 1.1": 1.0}
    detour = _shares(read_fabric(text.format(0), 6), 0, 3)
    assert "router 0.0 -> router 1.1" not in detour
    assert set(detour.values()) == {1.0}


def test_with_two_groups_adaptive_flows_take_two_of_the_parallel_links() -> None:
    network = read_fabric("dragonfly:routers=2,hosts=1,global=4,routing=adaptive", 4)
    crossing = {name: s for name, s in _shares(network, 0, 3).items() if "0." in name and "1." in name}
    assert list(crossing.values()) == [0.5, 0.5]


def test_senders_of_a_group_use_all_others_alike() -> None:
    """Group 0 of 4 hosts sends to group 1 alone: half of it, 2 flows, over the 3 other groups."""
    network = read_fabric("dragonfly:routers=4,hosts=1,global=1,routing=adaptive", 20)
    load = _load(network, np.arange(4), np.arange(4, 8))
    into = {network.name(link): load[link] for link in range(len(load)) if load[link]}
    stops = [
        sum(v for name, v in into.items() if re.match(rf"router 0\..* -> router {g}\.", name))
        for g in (2, 3, 4)
    ]
    assert sum(stops) == pytest.approx(2.0)
    assert max(stops) - min(stops) <= 0.25 + 1e-12  # one share of a flow


def test_a_torus_goes_the_shorter_way_around() -> None:
    network = torus(20, dims=(4, 5))
    assert _path(network, 0, 15) == ["(0,0) -> (3,0)"]
    assert _path(network, 0, 10) == ["(0,0) -> (1,0)", "(1,0) -> (2,0)"]  # half-way: positive
    assert _path(network, 10, 0) == ["(2,0) -> (3,0)", "(3,0) -> (0,0)"]
    assert _path(network, 1, 4) == ["(0,1) -> (0,0)", "(0,0) -> (0,4)"]  # backwards past the end
    assert _path(network, 0, 8) == ["(0,0) -> (1,0)", "(1,0) -> (1,4)", "(1,4) -> (1,3)"]
    assert [_switches(network, 0, d) for d in (0, 15, 10, 8)] == [0, 0, 1, 2]


def test_adaptive_flows_use_all_orders_of_dimensions() -> None:
    """From corner to corner of a cube 6 orders: edges from the ends belong to 2 of them, others to 1."""
    shares = _shares(torus(27, dims=(3, 3, 3), routing=Routing(kind="adaptive")), 0, 13)
    assert len(shares) == 12
    for name, share in shares.items():
        at_an_end = name.startswith("(0,0,0)") or name.endswith("(1,1,1)")
        assert share == pytest.approx(1 / 3 if at_an_end else 1 / 6), name
    assert _shares(torus(27, dims=(3, 3, 3), routing=Routing(kind="adaptive")), 0, 2) == {
        "(0,0,0) -> (0,0,2)": 1.0
    }


# Routes link by link


@every_case
@pytest.mark.parametrize("routing", ["shortest", "ecmp"])
def test_each_link_begins_where_the_last_ended(case: str, routing: str) -> None:
    network, (hosts, home) = _network(case, routing), CASES[case]
    source, destination = _pairs(hosts)
    for s, d, row in zip(source, destination, network.route(source, destination).links, strict=True):
        at = home(s)
        for link in row[row >= 0]:
            begin, end = _ends(network.name(link))
            assert begin == at, (s, d)
            at = end
        assert at == home(d)


@every_case
def test_adaptive_flows_leave_every_switch_that_they_enter(case: str) -> None:
    network, (hosts, home) = _network(case, "adaptive"), CASES[case]
    source, destination = _pairs(hosts)
    routes = network.route(source, destination)
    for i, (s, d) in enumerate(zip(source, destination, strict=True)):
        balance: dict[str, float] = defaultdict(float)
        balance[home(s)] += 1
        balance[home(d)] -= 1
        shares = np.ones(routes.links.shape[1]) if routes.share is None else routes.share[i]
        for link, share in zip(routes.links[i], shares, strict=True):
            if link >= 0:
                begin, end = _ends(network.name(link))
                balance[begin] -= share
                balance[end] += share
        assert all(abs(rest) < 1e-12 for rest in balance.values()), (s, d, balance)


@pytest.mark.parametrize(
    ("case", "routing"),
    [(c, r) for c in CASES for r in ROUTINGS if not (c.startswith("dragonfly") and r == "adaptive")],
)
def test_routes_have_the_fewest_links(case: str, routing: str) -> None:
    """Adaptive routes too, on average over their paths, but for dragonflies, whose detours are longer."""
    network, (hosts, home) = _network(case, routing), CASES[case]
    source, destination = _pairs(hosts)
    routes = network.route(source, destination)
    share = np.ones(routes.links.shape) if routes.share is None else routes.share
    lengths = np.where(routes.links >= 0, share, 0.0).sum(axis=1)
    fewest = [_distances(network, home(s)) for s in range(hosts)]
    expected = [fewest[s][home(d)] for s, d in zip(source, destination, strict=True)]
    assert lengths == pytest.approx(expected)


@every_case
@every_routing
def test_a_route_does_not_depend_on_the_others(case: str, routing: str) -> None:
    network, (hosts, _) = _network(case, routing), CASES[case]
    source, destination = _pairs(hosts)
    together = network.route(source, destination)
    for i in range(0, len(source), 23):
        alone = network.route(source[i : i + 1], destination[i : i + 1])
        assert _used(alone, 0) == _used(together, i)
        assert alone.switches[0] == together.switches[i]


def _used(routes: Routes, flow: int) -> list[tuple[int, float]]:
    share = np.ones(routes.links.shape) if routes.share is None else routes.share
    kept = routes.links[flow] >= 0
    return list(zip(routes.links[flow][kept].tolist(), share[flow][kept].tolist(), strict=True))


@given(
    case=st.sampled_from(["switch", *(f"{case},routing={r}" for case in CASES for r in ROUTINGS)]),
    data=st.data(),
)
def test_links_exist_and_no_host_needs_one_to_itself(case: str, data: st.DataObject) -> None:
    most = CASES[case.rpartition(",")[0]][0] if case != "switch" else 9
    hosts = data.draw(st.integers(1, most))
    ends = st.lists(st.integers(0, hosts - 1), min_size=1, max_size=20)
    source = np.array(data.draw(ends))
    destination = np.array(
        data.draw(st.lists(st.integers(0, hosts - 1), min_size=len(source), max_size=len(source)))
    )
    network = read_fabric(case, hosts)
    routes = network.route(source, destination)
    assert ((routes.links >= -1) & (routes.links < len(network.capacity))).all()
    itself = source == destination
    assert (routes.links[itself] == -1).all()
    assert ((routes.switches == 0) | ~itself).all()
    assert (network.capacity > 0).all()
    if routes.share is not None:
        assert ((routes.share > 0) == (routes.links >= 0)).all()
        assert (routes.share <= 1).all()


@pytest.mark.parametrize("kind", ["switch", "fat-tree", "rail", "dragonfly", "torus"])
@given(hosts=st.integers(1, 5000))
def test_defaults_suit_any_number_of_hosts(kind: str, hosts: int) -> None:
    network = read_fabric(kind, hosts)
    assert network.hosts == hosts
    routes = network.route(np.array([0, hosts - 1]), np.array([hosts - 1, hosts // 2]))
    assert routes.links.max(initial=-1) < len(network.capacity)


# Loads


@pytest.mark.parametrize(
    "text", ["fat-tree:down=4,oversubscription=2", "fat-tree:levels=3,down=2,pod=4", "rail:rails=2,down=4"]
)
def test_adaptive_loads_all_up_links_alike_under_uniform_traffic(text: str) -> None:
    network = read_fabric(f"{text},routing=adaptive", 32)
    use = _load(network, *_pairs(32)) / network.capacity
    for level in ("leaf", "pod"):
        up = [
            use[i]
            for i in range(len(use))
            if re.search(rf"{level} \d+.* -> (spine|pod|core)", network.name(i))
        ]
        assert len(set(up)) <= 1
    assert use.min() > 0


@pytest.mark.parametrize("oversubscription", [1, 2, 4])
@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("routing", ["shortest", "adaptive"])
def test_full_bisection_traffic_shows_the_oversubscription(
    oversubscription: int, levels: int, routing: str
) -> None:
    """Every host of one half sends to its opposite: all hosts of a leaf share its up-links."""
    text = f"fat-tree:levels={levels},down=8,oversubscription={oversubscription},routing={routing}"
    network = read_fabric(text + (",pod=4" if levels == 3 else ""), 64)
    hosts = np.arange(64)
    use = _load(network, hosts, (hosts + 32) % 64) / network.capacity
    assert use[: 2 * 8 * (1 if routing == "adaptive" else 8 // oversubscription)] == pytest.approx(
        oversubscription
    )
    assert use.max() == oversubscription


def test_oversubscription_at_the_core_is_met_between_pods() -> None:
    network = read_fabric("fat-tree:down=4,pod=8,core-oversubscription=8,routing=adaptive", 64)
    hosts = np.arange(64)
    use = _load(network, hosts, (hosts + 32) % 64) / network.capacity
    assert sorted(set(use.tolist())) == [1.0, 8.0]


def test_destination_modulo_does_not_collide_on_shifts() -> None:
    """A fat tree of full bandwidth carries every shift without sharing (Zahavi et al. 2010)."""
    network = fat_tree(64, levels=3, down=4, pod=4)
    hosts = np.arange(64)
    assert max(_load(network, hosts, (hosts + k) % 64).max() for k in range(1, 64)) == 1


def test_hashes_collide_on_shifts() -> None:
    network = fat_tree(64, levels=3, down=4, pod=4, routing=Routing(kind="ecmp"))
    hosts = np.arange(64)
    assert _load(network, hosts, (hosts + 16) % 64).max() >= 2


def test_uniform_traffic_around_a_torus_loads_links_alike() -> None:
    """Along a side of 5, a link in either direction carries the flows at distance 1 and 2: 1 + 2 per line."""
    load = _load(torus(25, dims=(5, 5)), *_pairs(25))
    assert load.tolist() == [15.0] * 100  # 5 lines of other coordinates


def test_uniform_traffic_over_a_balanced_dragonfly_loads_global_links_alike() -> None:
    """9 groups of 4 routers with 2 hosts: 8 x 8 flows per link between two groups."""
    network = dragonfly(72, routers=4, hosts_per_router=2, global_links=2)
    load = _load(network, *_pairs(72))
    assert load[9 * 4 * 3 :].tolist() == [64.0] * 72


# Hashes


def test_the_hash_is_splitmix() -> None:
    """The first two numbers of SplitMix64 with seed 0, published with its reference code."""
    increment = 0x9E3779B97F4A7C15
    zero = np.array([0])
    assert mixed(0, zero).tolist() == [0xE220A8397B1DCDAF]
    assert mixed(increment, zero).tolist() == [0x6E789E6AA1B965F4]


@pytest.mark.parametrize("shift", [1, 16, 1000, 32_768])
def test_ecmp_spreads_flows_like_chance(shift: int) -> None:
    """65,536 flows over 32 spines: chi-square has mean 31 and deviation sqrt(62)."""
    network = read_fabric("fat-tree:levels=2,routing=ecmp", 65_536)
    hosts = np.arange(65_536)
    up = network.route(hosts, (hosts + shift) % 65_536).links[:, 0]
    counts = np.bincount(up[up >= 0] % 32, minlength=32)
    expected = counts.sum() / 32
    assert ((counts - expected) ** 2 / expected).sum() < 31 + 6 * sqrt(62)
    assert counts.std() > 0


def test_ecmp_tells_senders_to_one_host_apart() -> None:
    """1,024 flows over 32 spines: chi-square has mean 31 and deviation sqrt(62)."""
    network = read_fabric("fat-tree:levels=2,routing=ecmp", 2048)
    up = network.route(np.arange(1024), np.full(1024, 2047)).links[:, 0]
    counts = np.bincount(up % 32, minlength=32)
    assert ((counts - 32) ** 2 / 32).sum() < 31 + 6 * sqrt(62)


def test_ecmp_spreads_over_planes_and_cores() -> None:
    """Between pods 16 paths; 16,384 flows: chi-square has mean 15 and deviation sqrt(30)."""
    network = read_fabric("fat-tree:levels=3,down=4,pod=4,routing=ecmp", 16_384)
    hosts = np.arange(16_384)
    paths = network.route(hosts, (hosts + 8192) % 16_384).links
    core = (paths[:, 1] - paths[:, 1].min()) % 16  # plane and core of a pod
    counts = np.bincount(core, minlength=16)
    assert ((counts - 1024) ** 2 / 1024).sum() < 15 + 6 * sqrt(30)


@every_case
def test_ecmp_is_a_matter_of_the_seed(case: str) -> None:
    hosts, _ = CASES[case]
    one, same, other = (
        read_fabric(f"{case},routing=ecmp,seed={seed}", hosts).route(*_pairs(hosts)).links
        for seed in (1, 1, 2)
    )
    assert (one == same).all()
    single_path = "global=1" in case or case.startswith("dragonfly:routers=3,hosts=3")
    assert (one.shape == other.shape and bool((one == other).all())) is single_path


def test_ecmp_on_a_torus_uses_every_order_of_dimensions() -> None:
    first = Counter(
        _path(torus(27, dims=(3, 3, 3), routing=Routing(kind="ecmp", seed=seed)), 0, 13)[0]
        for seed in range(60)
    )
    assert set(first) == {"(0,0,0) -> (1,0,0)", "(0,0,0) -> (0,1,0)", "(0,0,0) -> (0,0,1)"}


# Unequal links


def test_slowed_links() -> None:
    network = fat_tree(16, down=4, oversubscription=2)
    slowed = network.slowed({"leaf 0 -> spine 1": 0.5, "spine 0 -> leaf 0": 0.25})
    assert slowed.capacity.tolist() == [1.0, 0.5] + [1.0] * 6 + [0.25] + [1.0] * 7
    assert network.capacity.tolist() == [1.0] * 16
    assert slowed.title.endswith(", 2 of 16 links unequal")
    assert network.slowed({}).title == network.title
    bundled = read_fabric("fat-tree:down=4,routing=adaptive", 16).slowed({"leaf 1 -> spines": 0.75})
    assert bundled.capacity.tolist() == [4.0, 3.0] + [4.0] * 6


@pytest.mark.parametrize(
    ("text", "factors", "message"),
    [
        (
            "fat-tree:down=4", {"leaf 0 -> spnie 1": 0.5},
            r".*got 'leaf 0 -> spnie 1'; did you mean leaf 0 -> spine 1",
        ),
        ("fat-tree:down=4", {"xyz": 0.5}, r"got 'xyz'; links are called 'leaf 0 -> spine 0' and so on"),
        ("fat-tree:down=4", {"leaf 0 -> spine 1": 0.0}, r"leaf 0 -> spine 1: must be a factor > 0, got 0.0"),
        ("torus:dims=4x4", {"(0,0) -> (0,1)": float("nan")}, r"must be a factor > 0, got nan"),
        ("torus:dims=4x4", {"(0,0) -> (0,2)": 0.5}, r"did you mean \(0,0\) -> \(0,"),
        ("rail:rails=1", {"spine 31 -> rail 0 leaf 7": 0.5}, r"did you mean spine 31 -> rail 0 leaf 0"),
        ("rail:rails=1", {"x" * 10_000: 0.5}, r"links are called 'rail 0 leaf 0 -> spine 0' and so on"),
        ("switch", {"leaf 0 -> spine 1": 0.5}, r"it has no links between switches"),
    ],
)  # fmt: skip
def test_what_cannot_be_slowed(text: str, factors: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_fabric(text, 16).slowed(factors)


# Texts


@pytest.mark.parametrize(
    ("text", "hosts", "title"),
    [
        ("switch", 8, "one switch, 8 hosts"),
        (
            "fat-tree:levels=3,down=32,pod=32,oversubscription=2,routing=ecmp,seed=1", 65_536,
            "3-level fat tree, 65,536 hosts, 2:1 oversubscribed, ecmp",
        ),
        (" Fat_Tree : down = 8 ", 64, "2-level fat tree, 64 hosts, full bandwidth, shortest"),
        (
            "fat-tree:levels=3,oversubscription=2,core-oversubscription=4", 4096,
            "3-level fat tree, 4,096 hosts, 2:1 oversubscribed, 4:1 oversubscribed at the core, shortest",
        ),
        ("rail:rails=8,down=32", 512, "8 rails, 512 hosts, full bandwidth, shortest"),
        (
            "dragonfly:routers=8,hosts=4,global=2,routing=adaptive", 512,
            "16x8x4 dragonfly, 512 hosts, adaptive",
        ),
        ("torus:dims=8x8x4", 250, "8x8x4 torus, 250 hosts, shortest"),
        ("torus", 65_536, "64x32x32 torus, 65,536 hosts, shortest"),
    ],
)  # fmt: skip
def test_texts(text: str, hosts: int, title: str) -> None:
    assert read_fabric(text, hosts).title == title


def test_the_smallest_balanced_dragonfly_is_taken() -> None:
    """b = 2: 4 routers x 2 hosts x (4 x 2 + 1) groups = 72 places; b = 3: 6 x 3 x 19 = 342."""
    assert read_fabric("dragonfly", 72).title.startswith("9x4x2 ")
    assert read_fabric("dragonfly", 73).title.startswith("5x6x3 ")
    # With 4 routers given: 4 x 4 x 17 = 272 places for b = 4, 4 x 5 x 21 = 420 for b = 5.
    assert read_fabric("dragonfly:routers=4", 272).title.startswith("17x4x4 ")
    assert read_fabric("dragonfly:routers=4", 273).title.startswith("14x4x5 ")


@pytest.mark.parametrize(
    ("hosts", "sides"), [(1, (1, 1, 1)), (7, (2, 2, 2)), (16, (4, 2, 2)), (100, (5, 5, 4))]
)
def test_cuboids(hosts: int, sides: tuple[int, int, int]) -> None:
    assert cuboid(hosts) == sides


@pytest.mark.parametrize(
    ("text", "hosts", "message"),
    [
        ("", 4, "--fabric: must be a known kind of fabric, got ''; known are switch, fat-tree, rail"),
        ("fattree3", 4, "--fabric: must be a known kind of fabric, got 'fattree3'; did you mean fat-tree?"),
        ("?!%", 4, "known are switch, fat-tree, rail, dragonfly, torus"),
        ("switch:routing=ecmp", 4, "got 'routing'; one path joins any two hosts of a switch, so no option"),
        ("switch:", 4, "must be key=value, got ''"),
        ("fat-tree:", 4, "must be key=value, got ''; known are levels, down, pod"),
        ("fat-tree:down", 4, "must be key=value, got 'down'"),
        ("fat-tree:down=", 4, "must be key=value, got 'down='"),
        ("fat-tree:dwon=4", 4, "must be a key of fat-tree, got 'dwon'; did you mean down?"),
        ("fat-tree:down=4,down=8", 4, "down: must be given once, got '8'"),
        ("fat-tree:down=four", 4, "down: must be a whole number, got 'four'"),
        ("fat-tree:down=1e3", 4, "down: must be a whole number, got '1e3'"),
        ("fat-tree:down=" + "9" * 5000, 4, "down: must be a whole number"),
        ("fat-tree:down=0", 4, "--fabric: down: must be a whole number >= 1, got 0"),
        ("fat-tree:down=-4", 4, "down: must be a whole number >= 1, got -4"),
        ("fat-tree:down=99999999", 4, "down: must be at most 1,048,576, got 99999999"),
        ("fat-tree:levels=4", 4, "levels: must be 2 or 3, got 4"),
        ("fat-tree:levels=2,pod=4", 4, "pod: has an effect only with levels=3, got 4"),
        ("fat-tree:levels=2,core-oversubscription=2", 4, "has an effect only with levels=3, got 2.0"),
        ("fat-tree:oversubscription=0.5", 4, "oversubscription: must be a number >= 1, got 0.5"),
        ("fat-tree:oversubscription=nan", 4, "oversubscription: must be a number, got 'nan'"),
        ("fat-tree:core-oversubscription=0", 4, "core-oversubscription: must be a number >= 1, got 0.0"),
        ("fat-tree:down=1048576", 1_048_576, None),
        ("fat-tree:levels=2,down=1,routing=ecmp", 4, "a leaf has one up-link, so routing changes nothing"),
        ("fat-tree:down=1,pod=1,routing=adaptive", 4, "have one up-link, so routing changes nothing"),
        ("fat-tree:pod=1000000,down=32", 4, "must have at most 16,777,216 links, got 64000064"),
        ("fat-tree:routing=emcp", 4, "routing: must be a known routing, got 'emcp'; did you mean ecmp?"),
        ("fat-tree:routing=magic", 4, "got 'magic'; known are shortest, ecmp, adaptive"),
        ("fat-tree:seed=1", 4, "seed: has an effect only with routing=ecmp, got 1; leave it out"),
        ("fat-tree:routing=ecmp,seed=-1", 4, "seed: must be a whole number >= 0, got -1"),
        ("fat-tree", 0, "--fabric: must join 1 to 1,048,576 hosts, got 0"),
        ("switch", -3, "must join 1 to 1,048,576 hosts, got -3"),
        ("rail:rails=0", 4, "rails: must be a whole number >= 1, got 0"),
        ("rail:pod=4", 4, "must be a key of rail, got 'pod'"),
        (
            "dragonfly:routers=8,hosts=4,global=2", 545,
            "must have places for 545 hosts, got '8 routers x 4 hosts x 17 groups = 544';"
            " routers=8,hosts=4,global=4 would fit",
        ),
        ("dragonfly:global=0", 4, "global: must be a whole number >= 1, got 0"),
        ("dragonfly:routers=100000", 4, "must have at most 16,777,216 links"),
        ("dragonfly:minimal=0.5", 4, "minimal: has an effect only with routing=adaptive, got 0.5"),
        ("dragonfly:minimal=2,routing=adaptive", 4, "minimal: must be a fraction in 0..1, got 2.0"),
        ("torus:dims=8x8x4", 257, "dims: must hold 257 hosts, got '8x8x4'; 256 places; dims="),
        ("torus:dims=8x8x4", 10**9, "must join 1 to 1,048,576 hosts, got 1000000000"),
        ("torus:dims=1000000000", 4, "dims: must be at most 1,048,576, got 1000000000"),
        ("torus:dims=8x0", 4, "dims: must be a whole number >= 1, got 0"),
        ("torus:dims=8*8", 4, "dims: must be sides such as 8x8x4, got '8*8'"),
        ("torus:dims=2x2x2x2x2x2x2", 4, "dims: must be 1 to 6 sides, got 7"),
        ("torus:dims=2000x2", 4, "dims: must leave the longest route at most 512 links, got 1001"),
        ("torus:dims=8,routing=adaptive", 4, "in one dimension the shorter way is one path"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(text: str, hosts: int, message: str | None) -> None:
    if message is None:
        assert read_fabric(text, hosts).hosts == hosts
        return
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        read_fabric(text, hosts)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("--fabric: ")


@given(st.text(max_size=40))
def test_garbage_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_fabric("torus:" + text, 10**9)
    assert "\n" not in str(caught.value)


def test_values_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(SpecError, match="must join 1 to"):
        switch(True)
    with pytest.raises(SpecError, match="down: must be a whole number >= 1, got 2.5"):
        fat_tree(4, down=2.5)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="oversubscription: must be a number >= 1, got inf"):
        fat_tree(4, oversubscription=float("inf"))
    with pytest.raises(SpecError, match="dims: must be 1 to 6 sides, got 0"):
        torus(1, dims=())


# Speed


@every_routing
@pytest.mark.parametrize("kind", ["fat-tree:levels=3", "rail", "dragonfly"])
def test_65536_routes_take_well_under_a_second(kind: str, routing: str) -> None:
    network = read_fabric(f"{kind}{',' if ':' in kind else ':'}routing={routing}", 65_536)
    hosts = np.arange(65_536)
    start = time.perf_counter()
    network.route(hosts, hosts[::-1].copy())
    assert time.perf_counter() - start < 1.0  # it takes 4 to 70 ms
