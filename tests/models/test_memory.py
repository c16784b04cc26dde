"""What a model needs beside what is free, said before anything large is read."""

from contextlib import nullcontext
from types import SimpleNamespace

import psutil
import pytest
import torch

from neuron_core.errors import ModelError
from neuron_core.models import gpu, loading, memory
from neuron_core.models.device import free_memory, is_out_of_memory, pick_device
from neuron_core.models.loading import load_model
from neuron_core.models.memory import check_fits, free_for, free_ram, need_of, what_fits, working_bytes
from neuron_core.models.presets import find_preset
from neuron_core.models.size import EMBEDDED_DIMENSIONS, Size, size_of
from neuron_core.models.spec import ModelSpec, embedded_gguf

GB = 10**9
SEVEN = ModelSpec("meta-llama/Llama-2-7b-hf")


def test_a_7b_model_needs_its_weights_and_about_a_gigabyte_and_a_half_to_work_in():
    need = need_of(SEVEN)
    assert need.weights == 26_953_662_464
    # 104 rows of 32 layers, each 10 · 4096 + 5 · 11008 numbers, and 256 tokens' keys and values.
    assert need.working == 256 * 2**20 + 4 * (104 * 32 * 96_000 + 2 * 32 * 4096 * 256)
    assert need.weights < need.least < need.total


def test_half_the_bytes_take_half_the_memory():
    half = need_of(ModelSpec(SEVEN.source, dtype="bfloat16"))
    assert half.weights == 13_476_831_232
    assert half.working - memory.RESERVE == (need_of(SEVEN).working - memory.RESERVE) // 2


def test_more_rows_and_tokens_need_more():
    dimensions = find_preset("LLaMA-2-7B").dimensions
    usual = working_bytes(dimensions, "float32")
    assert working_bytes(dimensions, "float32", rows=18) < usual < working_bytes(dimensions, "float32", tokens=1024)


def test_a_model_that_does_not_fit_is_refused_with_need_have_and_what_would_fit():
    with pytest.raises(ModelError) as caught:
        check_fits(SEVEN, 16 * GB, "Llama, cpu")
    assert str(caught.value) == (
        "the model needs 28.8 GB in float32 (weights 27.0 GB), and 16.0 GB are free. Where: Llama, cpu. Accepted: "
        "dtype bfloat16 (14.5 GB); device_map auto (keeps layers that do not fit elsewhere, down to the disk: slow); "
        "meta-llama/Llama-3.2-3B (14.0 GB)."
    )
    check_fits(SEVEN, 30 * GB, "Llama, cpu")


def test_a_model_that_is_placed_by_device_map_and_one_of_unknown_size_are_not_refused():
    check_fits(ModelSpec(SEVEN.source, device_map="auto"), GB, "")
    assert need_of(ModelSpec("some/unknown")) is None
    check_fits(ModelSpec("some/unknown"), 1, "")


def test_no_dtype_is_offered_that_does_not_fit_either():
    assert what_fits(SEVEN, 5 * GB, can_spread=False) == ["google/gemma-3-1b-it (4.8 GB)"]
    assert what_fits(SEVEN, GB // 10, can_spread=False) == []


def test_a_load_is_refused_before_the_weights_are_read(checkpoint, monkeypatch):
    monkeypatch.setattr(loading, "free_memory", lambda _: 10**6)
    read = []
    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", lambda *_, **__: read.append(1))
    with pytest.raises(ModelError, match=r"the model needs .* GB in float32.* 0\.00 GB are free\. Where: llama, cpu"):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu"))
    assert read == []


def test_a_gguf_header_and_a_folder_s_config_tell_the_sizes(checkpoint, tiny_model):
    assert size_of(ModelSpec(str(embedded_gguf()))) == size_of(ModelSpec()) == Size(134_515_008, EMBEDDED_DIMENSIONS)
    loaded, found = tiny_model("llama"), size_of(ModelSpec(str(checkpoint("llama"))))
    assert (found.dimensions.n_layers, found.dimensions.n_neurons) == (loaded.n_layers, loaded.n_neurons)
    assert found.parameters == loaded.model.num_parameters()


def test_a_container_s_limit_counts_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 8 * GB})())
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert free_ram() == 8 * GB
    (tmp_path / "memory.max").write_text("max\n")
    assert free_ram(freed=GB) == 9 * GB
    (tmp_path / "memory.max").write_text(f"{4 * GB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {GB}\ninactive_file {2 * GB}\n")
    assert free_ram() == 3 * GB


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_a_gpu_number_that_this_machine_lacks_lists_those_it_has(two_gpus):
    assert pick_device(ModelSpec(device="cuda:1")) == torch.device("cuda:1")
    assert pick_device(ModelSpec(device="auto")).type == "cuda"
    with pytest.raises(
        ModelError, match=r"there is no device cuda:99\. Where: device\. Accepted: auto, cpu, cuda:0, cuda:1"
    ):
        load_model(ModelSpec(device="cuda:99"))


@pytest.mark.parametrize("name", ["cuda:", "cuda:x", "cuda:-1", "cpu:0"])
def test_a_device_that_is_no_device_is_refused_by_the_spec(name):
    with pytest.raises(ModelError, match=r"unknown device"):
        ModelSpec(device=name)


def test_an_apple_gpu_takes_float32_only(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device(ModelSpec(device="mps")).type == "mps"
    with pytest.raises(ModelError, match=r"bfloat16 is not supported on mps.*float32"):
        pick_device(ModelSpec(device="mps", dtype="bfloat16"))


@pytest.fixture
def driver(monkeypatch):
    """Three GPUs with 10, 20 and 30 GB free, and a torch built for them."""
    monkeypatch.setattr(gpu, "torch_is_for_cuda", lambda: True)
    monkeypatch.setattr(gpu, "_driver", lambda: nullcontext("a driver"))
    monkeypatch.setattr(gpu, "_free", lambda driver: iter((10 * GB, 20 * GB, 30 * GB)))
    monkeypatch.setattr(memory, "free_ram", lambda freed=0: 5 * GB + freed)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_auto_counts_the_memory_of_the_gpu_that_it_will_take(driver):
    assert free_for(ModelSpec(device="auto"), freed=GB) == ("cuda:0", 10 * GB)
    assert free_for(ModelSpec(device="cuda")) == ("cuda:0", 10 * GB)
    assert free_for(ModelSpec(device="cuda:2")) == ("cuda:2", 30 * GB)
    assert free_for(ModelSpec(device="cuda:3")) == ("cuda:3", None)
    assert free_for(ModelSpec(device="cpu"), freed=GB) == ("cpu", 6 * GB)
    assert free_for(ModelSpec(device="mps")) == ("mps", 5 * GB)


@pytest.mark.parametrize(
    ("hidden", "auto"),
    [("", ("cpu", 5 * GB)), ("-1", ("cpu", 5 * GB)), ("2,0", ("cuda:0", 30 * GB)), ("7,1", ("cpu", 5 * GB))],
)
def test_a_gpu_that_is_hidden_from_torch_does_not_count(driver, monkeypatch, hidden, auto):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert free_for(ModelSpec(device="auto")) == auto


def test_auto_is_the_processor_where_torch_is_built_without_cuda_or_no_driver_answers(driver, monkeypatch):
    monkeypatch.setattr(gpu, "torch_is_for_cuda", lambda: False)
    assert free_for(ModelSpec(device="auto")) == ("cpu", 5 * GB)
    assert free_for(ModelSpec(device="cuda")) == ("cuda:0", None)
    monkeypatch.setattr(gpu, "torch_is_for_cuda", lambda: True)
    monkeypatch.setattr(gpu, "_driver", lambda: nullcontext(None))
    assert free_for(ModelSpec(device="auto")) == ("cpu", 5 * GB)


def test_a_machine_without_the_driver_s_library_has_no_gpu(monkeypatch):
    monkeypatch.setattr(gpu, "torch_is_for_cuda", lambda: True)
    monkeypatch.setattr(gpu, "LIBRARY", "libno-such-driver.so.1")
    assert gpu.free_on_gpu() is None


@pytest.mark.parametrize(
    ("line", "yes"), [("cuda: Optional[str] = '12.8'", True), ("cuda: Optional[str] = None", False)]
)
def test_the_build_of_torch_is_read_from_its_version_file(monkeypatch, tmp_path, line, yes):
    (tmp_path / "version.py").write_text(f"__version__ = '2.13.0'\n{line}\nhip: Optional[str] = None\n")
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: found)
    assert gpu.torch_is_for_cuda() is yes


def test_free_memory_of_a_gpu_counts_what_torch_holds_unused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5, 100))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 10)
    assert free_memory(torch.device("cuda:0")) == 25


@pytest.mark.parametrize(
    ("error", "yes"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, yes):
    assert is_out_of_memory(error) is yes


def test_out_of_memory_while_loading_says_what_was_needed_and_what_would_fit(checkpoint, monkeypatch):
    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(
        ModelError, match=r"out of memory while the model was loaded: it needs .*free now.*dtype bfloat16"
    ):
        load_model(ModelSpec(str(checkpoint("llama")), device="cpu"))


@pytest.fixture
def cards(two_gpus, monkeypatch):
    """Two GPUs; the second is too old for TF32."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: ((8, 0), (7, 5))[number])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: ("New", "Old")[number])
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)


def test_tf32_is_taken_on_a_card_that_has_it_and_refused_on_an_older_one(cards):
    for name in ("auto", "cuda", "cuda:0"):
        assert pick_device(ModelSpec("some/model", dtype="tf32", device=name)).type == "cuda"
    said = r"no effect on cuda:1, a Old of compute capability 7\.5\. .*float32; tf32 on an NVIDIA GPU of compute"
    with pytest.raises(ModelError, match=said):
        pick_device(ModelSpec("some/model", dtype="tf32", device="cuda:1"))
    # Layers may be placed on every card.
    with pytest.raises(ModelError, match=said):
        pick_device(ModelSpec("some/model", dtype="tf32", device_map="auto"))
    assert pick_device(ModelSpec("some/model", dtype="tf32", device="cuda:0", device_map="auto")).index == 0


def test_tf32_is_refused_where_it_is_switched_off_and_on_amd(cards, monkeypatch):
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    with pytest.raises(ModelError, match=r"NVIDIA_TF32_OVERRIDE=0 switches tf32 off.*no NVIDIA_TF32_OVERRIDE"):
        pick_device(ModelSpec(dtype="tf32"))
    assert pick_device(ModelSpec()).type == "cuda"
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE")
    monkeypatch.setattr(torch.version, "hip", "6.4")
    with pytest.raises(ModelError, match=r"not tried on AMD GPUs.*float32; tf32 on an NVIDIA"):
        pick_device(ModelSpec(dtype="tf32"))


def test_tf32_is_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    said = []
    for name in ("auto", "cpu"):
        with pytest.raises(ModelError, match=r"tf32 has no effect on cpu\. Where: dtype\. Accepted: float32; tf32 on"):
            load_model(ModelSpec("/no/such/folder", dtype="tf32", device=name), said.append)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ModelError, match=r"tf32 is not supported on mps.*float32"):
        load_model(ModelSpec("/no/such/folder", dtype="tf32", device="mps"), said.append)
    assert said == []


def test_tf32_takes_the_memory_of_float32():
    assert need_of(ModelSpec(SEVEN.source, dtype="tf32")) == need_of(SEVEN)
