"""Whether a run fits on a node: counted by hand."""

from cnnbuild.studies.executors.placement import Need, Room, rooms_of, slots_in, why_unplaceable

GIB = 2**30
SMALL, LARGE = Room("a", cpus=2, memory_bytes=4 * GIB), Room("b", cpus=9, gpus=1, memory_bytes=64 * GIB)


def test_places_are_counted_by_what_is_scarcest_on_each_node():
    assert slots_in([SMALL, LARGE], Need(cpus=1)) == 11
    assert slots_in([SMALL, LARGE], Need(cpus=2)) == 1 + 4
    assert slots_in([SMALL, LARGE], Need(cpus=1, memory_bytes=3 * GIB)) == 1 + 9
    assert slots_in([SMALL, LARGE], Need(cpus=1, gpus=1)) == 1
    assert slots_in([SMALL, LARGE], Need(cpus=10)) == 0
    assert slots_in([], Need(cpus=1)) == 0


def test_a_need_that_no_node_holds_is_named_beside_what_the_largest_has():
    assert why_unplaceable([SMALL, LARGE], Need(cpus=9)) == ""
    assert why_unplaceable([SMALL, LARGE], Need(cpus=10, memory_bytes=GIB)) == (
        "no living node of the cluster can hold the run: it needs 10 CPUs, 1.00 GiB of memory; "
        "the largest node has 9 CPUs, 1 GPU, 64.00 GiB of memory"
    )
    assert why_unplaceable([SMALL], Need(cpus=1, gpus=1)) == (
        "no living node of the cluster can hold the run: it needs 1 CPU, 1 GPU; "
        "the largest node has 2 CPUs, 4.00 GiB of memory"
    )
    assert why_unplaceable([], Need(cpus=1)) == "the run needs 1 CPU, and the cluster has no living node"


def test_dead_nodes_are_no_room():
    nodes = [
        {"NodeID": "a", "Alive": True, "Resources": {"CPU": 2.0, "memory": 4.0 * GIB, "node:1.2.3.4": 1.0}},
        {"NodeID": "dead", "Alive": False, "Resources": {"CPU": 64.0}},
        {"NodeID": "starting", "Alive": True},
        {"NodeID": "b", "Alive": True, "Resources": {"CPU": 9.0, "GPU": 1.0, "memory": 64.0 * GIB}},
    ]
    assert rooms_of(nodes) == (SMALL, LARGE)
