import pytest

from yeastpromoter.output_files import written_whole


def test_written_when_complete(tmp_path):
    path = tmp_path / "new" / "table.tsv"
    with written_whole(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["table.tsv"]


def test_not_written_when_something_fails(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("old")

    def write():
        with written_whole(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["table.tsv"]
