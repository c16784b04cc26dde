"""Hub models, from a small hub on this machine: what is fetched, and one clear message for all that goes wrong."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from neuron_core.models.hub import ANSWER_S
from neuron_core.models.hub_errors import explained
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec
from tests.builders import LAYERS, NEURONS
from tests.models.lora_files import CONFIG, TARGETS, write_adapter
from tests.models.small_hub import BROKEN, COMMIT, CUT_OFF, GATED, OTHER_TOKEN, SLOW, TOKEN, small_hub

ROOT = Path(__file__).resolve().parents[2]
# huggingface_hub reads the address when it is imported: a process of its own for each address.
PROBE = """
import json, sys
from neuron_core.errors import NeuronCoreError
from neuron_core.models.hub import fetch
from neuron_core.models.hub_cache import cached_ids
from neuron_core.models.spec import ModelSpec

results = []
for source, revision in json.loads(sys.argv[1]):
    said = []
    try:
        folder = fetch(ModelSpec(source, revision), said.append)
        found = {"files": sorted(path.name for path in folder.iterdir())}
    except NeuronCoreError as error:
        found = {"error": type(error).__name__, "message": str(error)}
    results.append({**found, "said": said, "cached": cached_ids()})
print(json.dumps(results))
"""
OFFERS = {
    "gguf-only": ["model.Q4_K_M.gguf", "model.Q8_0.gguf", "README.md"],
    "gguf-too": ["model.Q8_0.gguf", "tokenizer.json"],
    "no-index": ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "tokenizer.json"],
    "consolidated": ["consolidated.safetensors", "params.json", "tekken.json"],
    "variant": ["model.fp16.safetensors", "tokenizer.json"],
    "onnx": ["model.onnx", "tokenizer.json"],
}
"repositories whose weights can't be read"
LOAD = """
import sys
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec

stages = []
loaded = load_model(ModelSpec(sys.argv[1], device="cpu"), stages.append)
print(loaded.n_layers, loaded.n_neurons, loaded.fingerprint, stages[0], stages[-1], sep="|")
"""


@pytest.fixture(scope="module")
def repositories(checkpoint, tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    whole = shutil.copytree(checkpoint("llama"), root / "whole")
    # The same weights in other forms, which nobody needs.
    (whole / "onnx").mkdir()
    (whole / "onnx" / "model.safetensors").write_bytes(b"other")
    (whole / "pytorch_model.bin").write_bytes(b"other")
    (whole / "modeling_llama.py").write_text("raise SystemExit('never run')\n")
    found = {"some/whole": whole, GATED: whole, CUT_OFF: whole, BROKEN: whole, SLOW: whole}
    for name, files in {"empty": ["README.md"], **OFFERS}.items():
        folder = root / name
        folder.mkdir()
        for file in files:
            (folder / file).write_text("no model\n")
        if name not in ("empty", "gguf-only"):
            shutil.copy(whole / "config.json", folder)
        found[f"some/{name}"] = folder
    return found


@pytest.fixture(scope="module")
def address(repositories):
    with small_hub(repositories) as found:
        yield found


@pytest.fixture
def ask(address, tmp_path):
    """`ask(source, …)`: what fetching each in turn comes to, in a new process with an empty cache."""

    def run(*sources, code=PROBE, endpoint=address, **environment):
        pairs = [(source, None) if isinstance(source, str) else source for source in sources]
        argument = json.dumps(pairs) if code is PROBE else sources[0]
        settings = {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_VERBOSITY": "error",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        done = subprocess.run(
            [sys.executable, "-c", code, argument],
            capture_output=True,
            text=True,
            env={**{k: v for k, v in os.environ.items() if k != "HF_TOKEN"}, **settings},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        line = done.stdout.splitlines()[-1]
        return json.loads(line) if code is PROBE else line.split("|")

    return run


def test_a_model_is_fetched_without_its_code_and_its_weights_in_other_forms(ask):
    (found,) = ask("some/whole")
    assert found["files"] == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert found["cached"] == ["some/whole"]


def test_a_hub_model_downloads_loads_and_has_its_own_fingerprint(ask, tiny_model):
    found = ask("some/whole", code=LOAD)
    assert found == [str(LAYERS), str(NEURONS), tiny_model("llama").fingerprint, "asking the hub", "loading weights"]


LORA = """
import sys
from pathlib import Path
from huggingface_hub import constants
from neuron_core.errors import ModelError
from neuron_core.models.loading import load_model
from neuron_core.models.spec import ModelSpec

base, adapter = sys.argv[1].split()
stages = []
try:
    loaded = load_model(ModelSpec(base, device="cpu", adapter=adapter), stages.append)
    found = [loaded.spec.title, loaded.fingerprint, str("fetching the adapter" in stages)]
except ModelError as error:
    found = [" ".join(str(error).split())]
fetched = Path(constants.HF_HUB_CACHE).glob(f"models--{adapter.replace('/', '--')}/snapshots/*/*")
print(*found, ", ".join(sorted(file.name for file in fetched)), sep="|")
"""


@pytest.fixture
def adapters(tmp_path, checkpoint, tiny_model):
    """A base model and adapters under ids of a hub: plain, DoRA, pickled weights, nothing."""
    plain, _ = write_adapter(tmp_path / "lora", tiny_model("llama").model, TARGETS["llama"])
    (plain / "README.md").write_text("an adapter\n")
    (plain / "optimizer.pt").write_bytes(b"never fetched")
    dora, _ = write_adapter(tmp_path / "dora", tiny_model("llama").model, TARGETS["llama"], use_dora=True)
    pickled, nothing = tmp_path / "pickled", tmp_path / "nothing"
    for folder in (pickled, nothing):
        folder.mkdir()
        (folder / "README.md").write_text("no adapter\n")
    (pickled / "adapter_config.json").write_text(json.dumps(CONFIG))
    (pickled / "adapter_model.bin").write_bytes(b"never fetched")
    folders = {"lora": plain, "dora": dora, "pickled": pickled, "nothing": nothing}
    return {"some/base": checkpoint("llama"), **{f"some/{name}": folder for name, folder in folders.items()}}


def test_a_hub_adapter_downloads_alone_and_is_merged_as_its_folder_is(ask, adapters, checkpoint):
    with small_hub(adapters) as endpoint:
        title, fingerprint, told, files = ask("some/base some/lora", code=LORA, endpoint=endpoint)
        # A base in a folder takes an adapter of the hub too.
        assert ask(f"{checkpoint('llama')} some/lora", code=LORA, endpoint=endpoint)[1] == fingerprint
    local = load_model(ModelSpec(str(checkpoint("llama")), device="cpu", adapter=str(adapters["some/lora"])))
    assert (title, told) == ("some/base + lora", "True")
    assert fingerprint == local.fingerprint
    assert files == "adapter_config.json, adapter_model.safetensors"


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        ("some/dora", "DoRA"),
        ("some/pickled", "adapter_model.safetensors"),
        ("some/nothing", "adapter_config.json"),
        ("some/absent", "the hub knows no such adapter, or it is private. Where: some/absent."),
        ("no/such/folder", "no hub id"),
    ],
)
def test_a_hub_adapter_that_can_t_be_merged_is_one_clear_message(ask, adapters, adapter, said):
    with small_hub(adapters) as endpoint:
        message, *_ = ask(f"some/base {adapter}", code=LORA, endpoint=endpoint)
    assert said in message


def test_offline_the_message_about_an_adapter_does_not_speak_of_a_model(ask, checkpoint):
    message, *_ = ask(f"{checkpoint('llama')} some/absent", code=LORA, HF_HUB_OFFLINE="1")
    assert message.endswith(
        "not all of this adapter is in the cache. Where: some/absent. Accepted: a folder with adapter_config.json and "
        "adapter_model.safetensors, a hub id, or none."
    )


CACHED = """
import sys
from neuron_core.models.hub import fetch_config, fetch_tokenizer
from neuron_core.models.hub_cache import has_cached_tokenizer
from neuron_core.models.spec import ModelSpec
spec = ModelSpec(sys.argv[1])
found = [has_cached_tokenizer(spec)]
for fetch in (fetch_config, lambda spec: fetch_tokenizer(spec, lambda _: None)):
    fetch(spec)
    found.append(has_cached_tokenizer(spec))
print("|".join(map(str, found)))
"""


def test_a_tokenizer_is_cached_once_it_was_fetched_and_not_by_a_config_alone(ask):
    assert ask("some/whole", code=CACHED) == ["False", "False", "True"]


def test_what_is_cached_loads_without_the_hub_and_the_rest_is_refused_with_what_is_cached(ask):
    ask("some/whole")
    known, unknown = ask("some/whole", "some/other", HF_HUB_OFFLINE="1")
    assert "model.safetensors" in known["files"]
    assert known["said"][-1] == "some/whole from the cache"
    assert unknown["message"] == (
        "HF_HUB_OFFLINE is set, and this model is not in the cache. Where: some/other. Accepted: 'embedded', "
        "'embedded-plain', a hub id, a checkpoint folder, or a .gguf file; in the cache: some/whole."
    )


def test_a_refused_connection_says_so_without_trying_again(ask):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{sock.getsockname()[1]}"
        (found,) = ask("some/whole", endpoint=endpoint)
    assert found["error"] == "ModelError"
    assert found["message"].startswith(f"{endpoint} can't be reached, and this model is not in the cache.")
    assert found["message"].endswith("in the cache: nothing.")


def test_each_refusal_of_the_hub_has_a_message_of_its_own(ask, address):
    gated, unknown, revision, empty, broken, no_id = ask(
        GATED, "some/unknown", ("some/whole", "v9"), "some/empty", BROKEN, "no ** id"
    )
    assert gated["message"] == (
        f"the model is gated: its licence must be accepted first. Where: {GATED}. Accepted: accept it at "
        f"{address}/{GATED}, make a token at {address}/settings/tokens, start with HF_TOKEN=<token>."
    )
    assert unknown["message"].startswith("the hub knows no such model, or it is private. Where: some/unknown.")
    assert "a token in HF_TOKEN" in unknown["message"]
    assert revision["message"] == (
        "the hub knows the model but not this revision. Where: some/whole, revision v9. "
        "Accepted: a branch, tag or commit."
    )
    assert empty["message"].startswith("the repository has no config.json. Where: some/empty.")
    assert broken["message"] == "the hub answers with error 500. Where: some/broken. Accepted: try again later."
    assert no_id["message"].startswith(
        "the model can't be loaded: there is no such file or folder, and it is no hub id. Where: no ** id."
    )
    assert [found["cached"] for found in (gated, unknown, revision)] == [[], [], []]


def test_a_token_opens_a_gated_model(ask):
    (found,) = ask(GATED, HF_TOKEN=TOKEN)
    assert "model.safetensors" in found["files"]


def test_a_commit_is_a_revision(ask):
    (found,) = ask(("some/whole", COMMIT))
    assert "model.safetensors" in found["files"]


def test_a_download_that_is_cut_off_says_so_and_is_not_taken_for_a_model(ask):
    found, offline = ask(CUT_OFF), None
    assert found[0]["message"] == (
        f"the download was cut off. Where: {CUT_OFF}. Accepted: try again: it goes on where it stopped."
    )
    assert found[0]["cached"] == []
    (offline,) = ask(CUT_OFF, HF_HUB_OFFLINE="1")
    assert offline["message"].startswith("HF_HUB_OFFLINE is set, and not all of this model is in the cache.")


def test_a_valid_token_without_access_is_told_so(ask, address):
    (found,) = ask(GATED, HF_TOKEN=OTHER_TOKEN)
    assert found["message"] == (
        f"the model is gated, and access is not granted yet to the account of this token. Where: {GATED}. Accepted: "
        f"ask for it at {address}/{GATED}, and wait for the answer; a fine-grained token must also allow reading gated "
        "repositories."
    )


def test_a_hub_that_does_not_answer_in_time_is_slow_and_not_unreachable(ask, address):
    hurried = PROBE.replace("results = []", "from neuron_core.models import hub\nhub.ANSWER_S = 0.3\nresults = []")
    (found,) = json.loads("|".join(ask(json.dumps([[SLOW, None]]), code=hurried)))
    assert found["message"].startswith(f"{address} is too slow: no answer within 0.3 s, and this model is not in")
    assert "can't be reached" not in found["message"]


def test_what_can_not_be_read_is_refused_before_it_is_downloaded(ask, tmp_path):
    messages = {}
    for name, found in zip(OFFERS, ask(*(f"some/{name}" for name in OFFERS)), strict=True):
        assert found["cached"] == []
        messages[name] = found["message"]
    weights = ("*.safetensors", "*.gguf", "*.onnx")
    assert not [path for form in weights for path in (tmp_path / "home").rglob(form)]
    assert messages["gguf-only"] == (
        "the repository holds GGUF files and no checkpoint: model.Q4_K_M.gguf, model.Q8_0.gguf. Where: some/gguf-only. "
        "Accepted: one of them downloaded (hf download some/gguf-only model.Q4_K_M.gguf) and given by its path."
    )
    for name, said in {
        "gguf-too": "the repository holds GGUF files: model.Q8_0.gguf",
        "no-index": "has shards of weights (model-00001-of-00002.safetensors first) and no index that lists them",
        "consolidated": "has weights in their publisher's own form (consolidated.safetensors)",
        "variant": "has only a variant of the weights, 'fp16' (model.fp16.safetensors)",
        "onnx": "has weights in a form that is not read, or under another name (model.onnx)",
    }.items():
        assert said in messages[name], name
        assert f"Where: some/{name}" in messages[name]


def test_a_cache_that_can_not_be_written_is_no_hub_that_can_not_be_reached(ask, tmp_path):
    (tmp_path / "file").write_text("in the way")
    (found,) = ask("some/whole", HF_HUB_CACHE=str(tmp_path / "file" / "hub"))
    assert found["message"] == (
        f"the hub's cache can't be written. Where: {tmp_path / 'file' / 'hub'}. Accepted: HF_HOME in a folder that can "
        "be written."
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_read_only_cache_is_told_from_a_connection_that_the_system_refuses(number):
    spec = ModelSpec("some/whole")
    alone = OSError(number, "said by the system")
    assert "the hub's cache can't be written" in str(explained(alone, spec, ANSWER_S))
    wrapped = RuntimeError(f"Data processing error: said by the system (os error {number})")
    assert "the hub's cache can't be written" in str(explained(wrapped, spec, ANSWER_S))
    refused = ConnectionError("no connection")
    refused.__cause__ = alone
    assert "can't be reached" in str(explained(refused, spec, ANSWER_S))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_folder_that_is_full(number):
    spec = ModelSpec("some/whole")
    wrapped = RuntimeError("Data processing error")
    wrapped.__cause__ = OSError(number, "No space left on device")
    for error in (OSError(number, "No space left"), RuntimeError(f"File error (os error {number})"), wrapped):
        found = explained(error, spec, ANSWER_S)
        assert str(found).startswith("the disk is full. Where: ")
        assert "HF_HOME on a larger disk" in str(found)
