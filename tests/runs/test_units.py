"""The log of units: what was appended comes back, what was cut off or damaged is not there, nothing is half read."""

import numpy as np
import pytest

from neuron_core.errors import RunError
from neuron_core.runs import files
from neuron_core.runs.units import UnitLog


def unit(number: int) -> dict[str, np.ndarray]:
    values = np.random.default_rng(number)
    return {
        "values": values.standard_normal((3, 4), dtype=np.float32),
        "name": np.asarray(f"question {number}"),
        "guard": np.asarray(number / 7),
    }


@pytest.fixture
def log(tmp_path):
    made = UnitLog(tmp_path / "some.units")
    for number in range(5):
        made.append(number, unit(number), "key-a")
    return made


def assert_is(found, number):
    for name, value in unit(number).items():
        assert np.array_equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_units_come_back_in_any_order_and_by_key(log):
    log.append(9, unit(9), "key-b")
    again = UnitLog(log.path)
    assert again.numbers() == {0, 1, 2, 3, 4, 9}
    assert again.numbers("key-b") == {9}
    assert_is(again.read(3), 3)
    assert again.read(2, ("guard",)).keys() == {"guard"}


def test_every_place_at_which_a_write_can_be_cut_off_leaves_the_units_before_and_takes_new_ones(log):
    whole = log.path.read_bytes()
    begins = log.places()[4] - 44
    for size in range(begins, len(whole)):
        log.path.write_bytes(whole[:size])
        cut = UnitLog(log.path)
        assert cut.numbers() == {0, 1, 2, 3}, size
        cut.append(4, unit(4), "key-a")
        assert log.path.read_bytes() == whole


def test_every_flipped_bit_is_found_when_its_unit_is_read_and_spoils_no_other(log):
    whole = bytearray(log.path.read_bytes())
    places = log.places()
    of_two = range(places[2] - 44, places[3] - 44)
    for at in of_two:
        whole[at] ^= 1 << (at % 8)
        log.path.write_bytes(whole)
        spoilt = UnitLog(log.path)
        assert spoilt.numbers() - spoilt.broken() == {0, 1, 3, 4}, at
        if 2 in spoilt.numbers():
            with pytest.raises(RunError, match="unit 2 is not what was written"):
                spoilt.read(2)
        whole[at] ^= 1 << (at % 8)


def test_a_unit_that_is_written_again_is_the_later_one_and_a_damaged_one_can_be_left_out(log):
    log.append(1, unit(7), "key-a")
    assert_is(UnitLog(log.path).read(1), 7)
    log.keep({0, 1})
    assert UnitLog(log.path).numbers() == {0, 1}
    assert_is(log.read(1), 7)
    assert log.lost_bytes() == 0


def test_one_reader_sees_what_another_object_appends(log):
    reader = UnitLog(log.path)
    assert reader.numbers() == {0, 1, 2, 3, 4}
    log.append(5, unit(5))
    assert 5 in reader.numbers()


def test_a_full_disk_leaves_the_log_as_it_was(log, monkeypatch):
    before = log.path.read_bytes()

    class Full(files.Disk):
        def append(self, path, data):
            super().append(path, data[: len(data) // 2])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", Full())
        with pytest.raises(RunError, match=r"the disk is full.*free some space"):
            log.append(5, unit(5))
    assert log.path.read_bytes() == before
    log.append(5, unit(5))
    assert_is(UnitLog(log.path).read(5), 5)


def test_objects_are_no_arrays_of_a_unit(log):
    with pytest.raises(ValueError, match="object"):
        log.append(6, {"thing": np.array([{}], dtype=object)})


def test_many_units_are_read_in_the_order_asked_for_and_a_damaged_one_ends_it(log):
    for number, found in zip((3, 0, 4), log.read_each((3, 0, 4)), strict=True):
        assert_is(found, number)
    whole = bytearray(log.path.read_bytes())
    whole[log.places()[1] - 44 - 1] ^= 1
    log.path.write_bytes(whole)
    spoilt = UnitLog(log.path)
    units = spoilt.read_each((3, 0, 4))
    assert_is(next(units), 3)
    with pytest.raises(RunError, match="unit 0 is not what was written"):
        next(units)
    assert spoilt.broken() == {0}


def test_records_of_another_log_count_as_absent_and_as_bytes_of_no_unit(log):
    size = log.path.stat().st_size
    name = next(iter(unit(0)))
    assert UnitLog(log.path, name[1:]).numbers() == log.numbers() != set()
    other = UnitLog(log.path, "something else")
    assert other.numbers() == set()
    assert other.lost_bytes() == size
