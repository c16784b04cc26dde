"""Files that are damaged, swapped, or made to do harm."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from faulting.lab import Lab, Line
from neuron_core.cni.sets import from_json
from neuron_core.errors import NeuronCoreError
from neuron_core.runs.repair import LOST, verify


def damage(lab: Lab) -> Iterator[Line]:
    found = [path.relative_to(lab.whole.path) for path in lab.whole.path.rglob("*") if path.is_file()]
    names = sorted(one for one in found if one.name not in (".lock", ".queued", "events.jsonl"))
    other = lab.made(replace(lab.config, seed=1))
    ways: dict[str, Callable[[bytes, Path], bytes]] = {
        "truncated": lambda data, _: data[: lab.draw.randrange(len(data))],
        "emptied": lambda data, _: b"",
        "one bit flipped": lambda data, _: flipped(data, lab.draw),
        "swapped with another run's": lambda data, name: (other.path / name).read_bytes(),
    }
    for way, spoil in ways.items():
        line = Line(f"file {way}")
        for _ in lab.tries(1, 4):
            for name in names if lab.full else lab.draw.sample(names, 5):
                run = lab.copy(lab.whole)
                path = run.path / name
                path.write_bytes(spoil(path.read_bytes(), name))
                said = verify(run)
                line.message = said[0].why if said else line.message
                if not said:
                    line.tries, line.message = line.tries + 1, f"not found in {name}"
                elif all(one.mend == LOST for one in said):
                    # Named, and never read: the config is what nothing else knows.
                    line.tries, line.survived = line.tries + 1, line.survived + 1
                else:
                    lab.check(line, run, lab.whole)
        yield line


def flipped(data: bytes, draw: random.Random) -> bytes:
    found, at = bytearray(data), draw.randrange(len(data))
    found[at] ^= 1 << draw.randrange(8)
    return bytes(found)


def hostile(lab: Lab) -> Iterator[Line]:
    good = json.loads(json.dumps({"format": "neuronllm-neuron-set", "version": 1}))
    neuron = {"layer": 10**9, "index": 0, "score": 1.0, "role": "good"}
    whole = {"name": "n", "model_title": "m", "model_fingerprint": "f", "task": "t", "method": "ace", "config": {}}
    neurons = {**good, **whole, "n_layers": 2, "n_neurons": 4, "neurons": [neuron]}
    line = Line("neuron set with layer 10⁹")
    refuse(line, lambda: from_json(json.dumps(neurons)))
    yield line
    line = Line("array file with a pickled object")
    run = lab.copy(lab.whole)
    np.savez(run.path / "sums.npz", scores=np.array([{}], dtype=object))
    refuse(line, run.sums)
    yield line
    line = Line("run named by a path or a link")
    (lab.store.root / "link").symlink_to(lab.folder)
    for name in ("../model", str(lab.whole.path), "link", "x" * 5000, "a\0b", "..", ""):
        refuse(line, lambda name=name: lab.store.inside(name))
    yield line


def refuse(line: Line, act: Callable[[], object]) -> None:
    line.tries += 1
    try:
        act()
    except NeuronCoreError as error:
        line.survived, line.message = line.survived + 1, error.what[:70]
