"""What every storage does. A test class gives the fixtures `storage` and `found`, the files by name."""

NAME = "fraud/1/2025/11/20/12/a-000001.parquet"


class StorageContract:
    def test_what_is_put_is_there(self, storage, found):
        storage.put(NAME, memoryview(b"one"))
        storage.put("fraud/2/b.parquet", memoryview(b"two"))
        assert found() == {NAME: b"one", "fraud/2/b.parquet": b"two"}

    def test_the_same_name_again_replaces_it(self, storage, found):
        for content in (b"longer than the next", b"one"):
            storage.put(NAME, memoryview(content))
        assert found() == {NAME: b"one"}

    def test_a_large_file_is_whole(self, storage, found):
        content = bytes(range(256)) * 40_000
        storage.put(NAME, memoryview(content))
        assert found()[NAME] == content
