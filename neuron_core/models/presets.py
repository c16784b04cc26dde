"""Models known by name: what they are, how large, and under which licence. No torch, no network."""

from dataclasses import dataclass
from typing import Literal

from neuron_core.models.dimensions import BYTES, Dimensions

Group = Literal["paper", "laptop", "one GPU", "several GPUs"]
HUB = "https://huggingface.co/"


@dataclass(frozen=True)
class Preset:
    """A model of the hub. Its sizes are those of its config. A test builds each on the meta device and counts."""

    title: str
    id: str
    group: Group
    parameters: int
    "number of all parameters, with biases and norms; tied weights count once"
    dimensions: Dimensions
    licence: str
    gated: bool = False
    "whether its licence is accepted on its page before a download, and a token is needed"
    note: str = ""

    @property
    def page(self) -> str:
        """Where the licence is read and, for a gated model, accepted."""
        return HUB + self.id

    def weight_bytes(self, dtype: str) -> int:
        """Memory of the weights."""
        return self.parameters * BYTES[dtype]


def _sizes(
    sizes: tuple[int, int, int, int, int, int],
    architecture: str = "llama",
    *,
    kv_heads: int | None = None,
    head_size: int | None = None,
    tied: bool = False,
) -> Dimensions:
    """sizes: layers, neurons a layer, hidden size, heads, tokens of the vocabulary, tokens of the context.

    kv_heads: heads of keys and values, where there are fewer. head_size: where it is not hidden size / heads. tied:
    whether the head is the embedding.
    """
    n_layers, n_neurons, hidden, heads, vocabulary, context = sizes
    return Dimensions(
        architecture=architecture,
        n_layers=n_layers,
        n_neurons=n_neurons,
        hidden_size=hidden,
        n_heads=heads,
        n_kv_heads=kv_heads or heads,
        head_size=head_size or hidden // heads,
        vocabulary=vocabulary,
        context=context,
        tied=tied,
    )


LLAMA_2, LLAMA_32 = "Llama 2 Community Licence", "Llama 3.2 Community Licence"
APACHE, MIT, GEMMA = "Apache-2.0", "MIT", "Gemma terms of use"
POST_NORM = "A norm follows the down projection: the completeness gap does not close."
VARIANT = "The paper does not say which variant; this is the base model."

PRESETS: tuple[Preset, ...] = (
    Preset(
        "LLaMA-2-7B",
        "meta-llama/Llama-2-7b-hf",
        "paper",
        6_738_415_616,
        _sizes((32, 11008, 4096, 32, 32000, 4096)),
        LLAMA_2,
        gated=True,
        note=VARIANT,
    ),
    Preset(
        "LLaMA-2-13B",
        "meta-llama/Llama-2-13b-hf",
        "paper",
        13_015_864_320,
        _sizes((40, 13824, 5120, 40, 32000, 4096)),
        LLAMA_2,
        gated=True,
        note=VARIANT,
    ),
    Preset(
        "Baichuan2-7B",
        "baichuan-inc/Baichuan2-7B-Base",
        "paper",
        7_505_973_248,
        _sizes((32, 11008, 4096, 32, 125696, 4096), "baichuan"),
        "Baichuan 2 Community Licence",
        note=f"{VARIANT} Converted to Llama without its own code; its real weights were not at hand.",
    ),
    Preset(
        "SmolLM2-360M-Instruct",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
        "laptop",
        361_821_120,
        _sizes((32, 2560, 960, 15, 49152, 8192), kv_heads=5, tied=True),
        APACHE,
    ),
    Preset(
        "Pythia-410m",
        "EleutherAI/pythia-410m",
        "laptop",
        405_334_016,
        _sizes((24, 4096, 1024, 16, 50304, 2048), "gpt_neox"),
        APACHE,
    ),
    Preset(
        "Qwen2.5-0.5B-Instruct",
        "Qwen/Qwen2.5-0.5B-Instruct",
        "laptop",
        494_032_768,
        _sizes((24, 4864, 896, 14, 151936, 32768), "qwen2", kv_heads=2, tied=True),
        APACHE,
    ),
    Preset(
        "Qwen3-0.6B",
        "Qwen/Qwen3-0.6B",
        "laptop",
        596_049_920,
        _sizes((28, 3072, 1024, 16, 151936, 40960), "qwen3", kv_heads=8, head_size=128, tied=True),
        APACHE,
    ),
    Preset(
        "Gemma-3-1b",
        "google/gemma-3-1b-it",
        "laptop",
        999_885_952,
        _sizes((26, 6912, 1152, 4, 262144, 32768), "gemma3_text", kv_heads=1, head_size=256, tied=True),
        GEMMA,
        gated=True,
        note=POST_NORM,
    ),
    Preset(
        "Llama-3.2-1B",
        "meta-llama/Llama-3.2-1B",
        "laptop",
        1_235_814_400,
        _sizes((16, 8192, 2048, 32, 128256, 131072), kv_heads=8, tied=True),
        LLAMA_32,
        gated=True,
    ),
    Preset(
        "OLMo-2-1B",
        "allenai/OLMo-2-0425-1B",
        "laptop",
        1_484_916_736,
        _sizes((16, 8192, 2048, 16, 100352, 4096), "olmo2"),
        APACHE,
        note=POST_NORM,
    ),
    Preset(
        "Pythia-1.4b",
        "EleutherAI/pythia-1.4b",
        "one GPU",
        1_414_647_808,
        _sizes((24, 8192, 2048, 16, 50304, 2048), "gpt_neox"),
        APACHE,
    ),
    Preset(
        "Qwen2.5-1.5B-Instruct",
        "Qwen/Qwen2.5-1.5B-Instruct",
        "one GPU",
        1_543_714_304,
        _sizes((28, 8960, 1536, 12, 151936, 32768), "qwen2", kv_heads=2, tied=True),
        APACHE,
    ),
    Preset(
        "SmolLM2-1.7B-Instruct",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        "one GPU",
        1_711_376_384,
        _sizes((24, 8192, 2048, 32, 49152, 8192), tied=True),
        APACHE,
    ),
    Preset(
        "Qwen3-1.7B",
        "Qwen/Qwen3-1.7B",
        "one GPU",
        1_720_574_976,
        _sizes((28, 6144, 2048, 16, 151936, 40960), "qwen3", kv_heads=8, head_size=128, tied=True),
        APACHE,
    ),
    Preset(
        "SmolLM3-3B",
        "HuggingFaceTB/SmolLM3-3B",
        "one GPU",
        3_075_098_624,
        _sizes((36, 11008, 2048, 16, 128256, 65536), "smollm3", kv_heads=4, tied=True),
        APACHE,
    ),
    Preset(
        "Llama-3.2-3B",
        "meta-llama/Llama-3.2-3B",
        "one GPU",
        3_212_749_824,
        _sizes((28, 8192, 3072, 24, 128256, 131072), kv_heads=8, tied=True),
        LLAMA_32,
        gated=True,
    ),
    Preset(
        "Phi-4-mini",
        "microsoft/Phi-4-mini-instruct",
        "one GPU",
        3_836_021_760,
        _sizes((32, 8192, 3072, 24, 200064, 131072), "phi3", kv_heads=8, tied=True),
        MIT,
    ),
    Preset(
        "Gemma-3-4b",
        "google/gemma-3-4b-it",
        "one GPU",
        3_880_263_168,
        _sizes((34, 10240, 2560, 8, 262208, 131072), "gemma3_text", kv_heads=4, head_size=256, tied=True),
        GEMMA,
        gated=True,
        note="The numbers are those of its text part, the only one that is read. " + POST_NORM,
    ),
    Preset(
        "Qwen3-4B",
        "Qwen/Qwen3-4B",
        "one GPU",
        4_022_468_096,
        _sizes((36, 9728, 2560, 32, 151936, 40960), "qwen3", kv_heads=8, head_size=128, tied=True),
        APACHE,
    ),
    Preset(
        "OLMo-2-7B",
        "allenai/OLMo-2-1124-7B",
        "one GPU",
        7_298_617_344,
        _sizes((32, 11008, 4096, 32, 100352, 4096), "olmo2"),
        APACHE,
        note=POST_NORM,
    ),
    Preset(
        "Qwen2.5-7B-Instruct",
        "Qwen/Qwen2.5-7B-Instruct",
        "one GPU",
        7_615_616_512,
        _sizes((28, 18944, 3584, 28, 152064, 32768), "qwen2", kv_heads=4),
        APACHE,
    ),
    Preset(
        "Qwen3-8B",
        "Qwen/Qwen3-8B",
        "one GPU",
        8_190_735_360,
        _sizes((36, 12288, 4096, 32, 151936, 40960), "qwen3", kv_heads=8, head_size=128),
        APACHE,
    ),
    Preset(
        "LLaMA-2-70B",
        "meta-llama/Llama-2-70b-hf",
        "several GPUs",
        68_976_648_192,
        _sizes((80, 28672, 8192, 64, 32000, 4096), kv_heads=8),
        LLAMA_2,
        gated=True,
        note="For estimates: it was never loaded here.",
    ),
)


def find_preset(source: str) -> Preset | None:
    """The preset with this hub id or title, whatever the case."""
    wanted = source.casefold()
    return next((preset for preset in PRESETS if wanted in (preset.id.casefold(), preset.title.casefold())), None)
