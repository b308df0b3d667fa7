"""Results of a run, parsed from the fuzzer's output."""

from pathlib import Path

from tests.fuzz import results

SAID = """INFO: seed corpus: files: 6 min: 9b max: 45b total: 173b rss: 54Mb
#46236	REDUCE cov: 46 ft: 135 corp: 19/353b lim: 312 exec/s: 9247 rss: 54Mb L: 29/43 MS: 1 EraseBytes-
#46241	DONE   cov: 46 ft: 135 corp: 19/353b lim: 312 exec/s: 7706 rss: 54Mb
Done 46241 runs in 6 second(s)
"""


def test_a_run_that_came_to_its_end_is_a_row(tmp_path: Path) -> None:
    result = results.read("spf_record", SAID, 120.4, 0)
    assert result == results.Result("spf_record", 46_241, 6, 120.4, 46, 19, 0)
    (tmp_path / "spf_record").mkdir()
    results.keep(result, tmp_path / "spf_record")
    assert results.table(tmp_path)[-1] == "| `spf_record` | 46,241 | 0 | 2 | 46 | 19 | 0 |"


def test_a_run_that_went_on_adds_to_the_row(tmp_path: Path) -> None:
    (tmp_path / "spf_record").mkdir()
    for inputs, places, kept, found in ((46_241, 46, 19, 1), (3_759, 52, 22, 0)):
        results.keep(results.Result("spf_record", inputs, 1_800, 1_500.0, places, kept, found), tmp_path / "spf_record")
    assert results.table(tmp_path)[-1] == "| `spf_record` | 50,000 | 60 | 50 | 52 | 22 | 1 |"


def test_a_run_that_broke_off_is_none(tmp_path: Path) -> None:
    assert results.read("spf_record", SAID.replace("DONE", "pulse"), 1.0, 1) is None
    assert results.table(tmp_path) == []
