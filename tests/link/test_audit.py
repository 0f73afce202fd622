"""The audit: chained, bounded, whole after power cuts."""

from __future__ import annotations

from pathlib import Path

from edgefuse.link.audit import KEPT_FILES, Audit, list_files, read_chain
from edgefuse.link.intake import make_reply
from edgefuse.link.ledger import KEPT_COMMANDS, Finished, Ledger, Refused


def record(number: int) -> Finished:
    """Give a record that the ledger remembers."""
    return Finished(key_id="k", reply=make_reply(f"c{number}", "done"))


def fill(folder: Path, count: int, file_bytes: int = 1 << 20) -> Ledger:
    """Write records and give what they amount to."""
    audit = Audit(folder, file_bytes)
    for number in range(count):
        audit.add(record(number), is_durable=False)
    audit.close()
    return audit.ledger


def reopen(folder: Path) -> Ledger:
    """Give what the disk amounts to."""
    audit = Audit(folder)
    audit.close()
    return audit.ledger


def check_chain(folder: Path) -> int:
    """Count the records of a chain that is whole."""
    records = list(read_chain(folder))
    assert all(follows for _, follows in records)
    return len(records)


def breaks(folder: Path) -> list[int]:
    """Give the numbers of the records that do not follow the ones before."""
    return [whole.line.n for whole, follows in read_chain(folder) if not follows]


def test_chain_holds_over_restarts(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    fill(tmp_path, 3)
    assert check_chain(tmp_path) == 7  # a checkpoint begins the file


def test_changed_and_removed_records_break_the_chain(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (path,) = list_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"c2"', b'"c9"'))
    assert breaks(tmp_path) == [5]
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert breaks(tmp_path) == [4]


def test_size_is_bounded_and_nothing_that_matters_goes_with_old_files(tmp_path: Path) -> None:
    ledger = fill(tmp_path, 1500, file_bytes=20_000)
    assert len(list_files(tmp_path)) == KEPT_FILES
    assert sum(path.stat().st_size for path in list_files(tmp_path)) < KEPT_FILES * 60_000
    assert check_chain(tmp_path)
    assert reopen(tmp_path) == ledger
    assert len(ledger.replies) == KEPT_COMMANDS


def test_every_torn_end_leaves_the_records_before_it(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    (path,) = list_files(tmp_path)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        assert set(reopen(tmp_path).replies) == ({"k/c0"} if size == len(whole) else set())
        assert check_chain(tmp_path) == max(1, sum(end <= size for end in ends))


def test_zeros_after_a_power_cut_are_a_torn_end(tmp_path: Path) -> None:
    ledger = fill(tmp_path, 2)
    (path,) = list_files(tmp_path)
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert reopen(tmp_path) == ledger


def test_file_that_was_begun_and_not_written_is_passed_over(tmp_path: Path) -> None:
    ledger = fill(tmp_path, 2)
    (tmp_path / "0000000000000099.jsonl").touch()
    assert reopen(tmp_path) == ledger


def test_damage_in_the_middle_costs_no_number_after_it(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    (path,) = list_files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"c1"', b'"c\xff'))
    assert {"k/c0", "k/c4"} <= set(reopen(tmp_path).replies)


def test_refusals_are_not_remembered_as_replies(tmp_path: Path) -> None:
    audit = Audit(tmp_path)
    audit.add(Refused(fault="expired", reason="late", id="c1", key_id="k"), is_durable=True)
    audit.close()
    assert reopen(tmp_path) == Ledger()
