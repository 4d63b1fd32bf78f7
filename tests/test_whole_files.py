"""Output files that are there whole or not at all."""

import gzip

import pytest

from yeastpromoter.whole_files import whole_file, whole_table


def test_a_whole_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as partial:
        partial.write_text("x")
        assert not path.exists()
    assert path.read_text() == "x"
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text(f"{1 / 0}")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "x"
    with pytest.raises(ValueError, match="it is a folder"), whole_file(tmp_path):
        pass


@pytest.mark.parametrize(("name", "read"), [("a.tsv", lambda content: content), ("a.tsv.gz", gzip.decompress)])
def test_a_table_is_compressed_as_its_name_says(tmp_path, name, read):
    path = tmp_path / name
    with whole_table(path) as table:
        table.write("é\t1\n")
        assert not path.exists()
    assert read(path.read_bytes()) == "é\t1\n".encode()
