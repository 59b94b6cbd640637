"""What every `Store` must keep: inherit from `StoreContract` and say how one is made."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from models import Reference, Store, resolve
from scoring import Manifest
from scoring.errors import ConfigurationError, ModelNotFoundError, ModelRefusedError
from tests.scoring.makers import manifest

PATHS = ["../x", "..", ".", "", "/etc", "x/../x", "x/1", "X", ".hidden", "x\n", "x y"]


def described(model: bytes, name: str = "x", **more) -> Manifest:
    return manifest(name=name, digest=sha256(model).hexdigest(), **more)


def add(store: Store, model: bytes, name: str = "x", **more) -> Manifest:
    return store.add(described(model, name, **more), model)


def is_whole(store: Store, name: str, version: int) -> bool:
    """Whether a version that a reader sees is all there, and is what its manifest says."""
    read = store.manifest(name, version)
    return read.version == version and sha256(store.model(name, version)).hexdigest() == read.digest


class StoreContract:
    """The promises of the port. A subclass gives two fixtures."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store."""
        raise NotImplementedError

    @pytest.fixture
    def second(self) -> Store:
        """Another client of the same place."""
        raise NotImplementedError

    def test_an_empty_store(self, store):
        assert store.names() == []
        assert store.versions("x") == []
        assert dict(store.aliases("x")) == {}

    def test_versions_are_counted_from_1(self, store, second):
        given = described(b"first", version=17, tags={"team": "risk"})
        assert store.add(given, b"first") == given.model_copy(update={"version": 1})
        assert add(second, b"second").version == 2
        assert add(store, b"third").version == 3
        assert add(store, b"other", "y").version == 1
        assert second.versions("x") == [1, 2, 3]
        assert second.names() == ["x", "y"]

    def test_what_was_added_is_read_back(self, store, second):
        added = add(store, b"\x00model\xff", tags={"team": "risk"})
        assert second.manifest("x", 1) == added
        assert second.model("x", 1) == b"\x00model\xff"

    def test_ten_versions_are_in_the_order_of_numbers(self, store):
        for number in range(11):
            add(store, b"%d" % number)
        assert store.versions("x") == list(range(1, 12))

    def test_a_later_version_leaves_the_earlier_as_they_were(self, store):
        first = add(store, b"same")
        add(store, b"same")
        add(store, b"other")
        assert store.manifest("x", 1) == first
        assert store.model("x", 1) == b"same"

    def test_a_manifest_of_another_model_is_not_added(self, store):
        with pytest.raises(ModelRefusedError) as caught:
            store.add(described(b"one"), b"other")
        assert str(caught.value) == "x: the manifest's digest is not that of the model"
        assert store.versions("x") == []
        assert store.names() == []

    @pytest.mark.parametrize("name", ["x", "unknown", *PATHS])
    def test_what_is_not_there_is_not_found(self, store, name):
        add(store, b"model")
        for version in (0, -1, 2):
            with pytest.raises(ModelNotFoundError):
                store.manifest(name, version)
            with pytest.raises(ModelNotFoundError):
                store.model(name, version)

    @pytest.mark.parametrize("name", PATHS)
    def test_a_path_is_never_a_name(self, store, name):
        add(store, b"model")
        add(store, b"model", "etc")
        assert store.versions(name) == []
        assert dict(store.aliases(name)) == {}
        with pytest.raises((ModelNotFoundError, ConfigurationError)):
            store.set_alias(name, "champion", 1)
        with pytest.raises(ModelNotFoundError):
            resolve(store, Reference(name=name, version=1))

    def test_an_alias_is_set_and_moved(self, store, second):
        add(store, b"one")
        add(store, b"two")
        store.set_alias("x", "champion", 1)
        second.set_alias("x", "challenger", 2)
        assert dict(store.aliases("x")) == {"champion": 1, "challenger": 2}
        second.set_alias("x", "champion", 2)
        assert dict(store.aliases("x")) == {"champion": 2, "challenger": 2}
        assert dict(store.aliases("y")) == {}

    def test_an_alias_points_to_what_there_is(self, store):
        with pytest.raises(ModelNotFoundError):
            store.set_alias("x", "champion", 1)
        add(store, b"one")
        with pytest.raises(ModelNotFoundError) as caught:
            store.set_alias("x", "champion", 2)
        assert str(caught.value) == "model 'x' has no version 2; it has 1"
        assert dict(store.aliases("x")) == {}

    @pytest.mark.parametrize("alias", ["Champion", "../x", "", "a b", "a\n"])
    def test_an_alias_is_a_name(self, store, alias):
        add(store, b"one")
        with pytest.raises(ConfigurationError, match="expected name, name:3 or name@champion"):
            store.set_alias("x", alias, 1)
        assert dict(store.aliases("x")) == {}

    def test_references_are_resolved(self, store):
        for model in (b"one", b"two", b"three"):
            add(store, model)
        store.set_alias("x", "champion", 2)
        assert resolve(store, Reference(name="x")) == 3
        assert resolve(store, Reference(name="x", version=1)) == 1
        assert resolve(store, Reference(name="x", alias="champion")) == 2

    def test_what_cannot_be_resolved_says_what_there_is(self, store):
        def refusal(**reference):
            with pytest.raises(ModelNotFoundError) as caught:
                resolve(store, Reference(**reference))
            return str(caught.value)

        assert refusal(name="x") == f"no model 'x' in {store}; it holds none"
        add(store, b"one")
        add(store, b"two")
        add(store, b"other", "y")
        assert refusal(name="z") == f"no model 'z' in {store}; it holds x, y"
        assert refusal(name="x", version=3) == "model 'x' has no version 3; it has 1, 2"
        assert refusal(name="x", alias="champion") == "model 'x' has no alias 'champion'; it has none"
        store.set_alias("x", "old", 1)
        store.set_alias("x", "new", 2)
        assert refusal(name="x", alias="champion") == "model 'x' has no alias 'champion'; it has new, old"

    def test_writers_in_threads_lose_nothing(self, store, second):
        def write(number: int) -> int:
            return add((store, second)[number % 2], b"model %d" % number).version

        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(write, range(40)))
        assert sorted(taken) == store.versions("x") == list(range(1, 41))
        assert [store.model("x", version) for version in taken] == [b"model %d" % number for number in range(40)]

    def test_movers_of_aliases_in_threads_lose_nothing(self, store, second):
        add(store, b"one")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: (store, second)[number % 2].set_alias("x", f"alias-{number}", 1), range(40)))
        assert dict(store.aliases("x")) == {f"alias-{number}": 1 for number in range(40)}

    def test_a_reader_sees_whole_versions_only(self, store, second):
        with ThreadPoolExecutor(2) as pool:
            writing = [pool.submit(lambda: [add(store, bytes([n]) * 100_000) for n in range(15)]) for _ in range(2)]
            seen = 0
            while not all(each.done() for each in writing):
                versions = second.versions("x")
                assert len(versions) >= seen
                seen = len(versions)
                assert all(is_whole(second, "x", version) for version in versions[-3:])
            for each in writing:
                each.result()
        assert all(is_whole(second, "x", version) for version in range(1, 31))

    def test_it_says_what_it_is(self, store):
        assert str(store).startswith("the store ")
        assert "object at" not in str(store)
