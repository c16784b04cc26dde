"""The only file that registers hooks. A change of a model is a context manager that undoes itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from neuron_core.models.loading import LoadedModel

Edit = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def _pre_hook(module: nn.Module, hook: Callable[..., object]) -> Iterator[None]:
    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def edited_neurons(loaded: "LoadedModel", edits: Mapping[int, Edit]) -> Iterator[None]:
    """Passes the down projection's input of each named layer through its edit.

    An edit takes (positions, I), all positions of the pass with batch folded in, and returns the same shape;
    it must not write into its argument.
    """

    def hook_for(edit: Edit) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, object]) -> object:
            flat = args[0].reshape(-1, args[0].shape[-1])
            return (edit(flat).reshape(args[0].shape), *args[1:]), kwargs

        return hook

    with ExitStack() as stack:
        for layer, edit in edits.items():
            stack.enter_context(_pre_hook(loaded.down_projections[layer], hook_for(edit)))
        yield


@contextmanager
def recorded_last_token(loaded: "LoadedModel", hidden: torch.Tensor, neurons: torch.Tensor) -> Iterator[None]:
    """Writes, for the last position of the pass, each layer's input into `hidden` (L, D) and its neuron
    values, the down projection's input, into `neurons` (L, I)."""

    def hook_for(store: torch.Tensor, layer: int) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
            value = args[0] if args else kwargs["hidden_states"]
            store[layer] = value.detach().reshape(-1, value.shape[-1])[-1]

        return hook

    with ExitStack() as stack:
        for layer in range(loaded.n_layers):
            stack.enter_context(_pre_hook(loaded.layers[layer], hook_for(hidden, layer)))
            stack.enter_context(_pre_hook(loaded.down_projections[layer], hook_for(neurons, layer)))
        yield


@contextmanager
def recorded_inputs(loaded: "LoadedModel", layers: Iterable[int]) -> Iterator[dict[int, torch.Tensor]]:
    """Gives a dict that holds, after the pass, the input of each named layer at all positions, as the layer got it."""
    found: dict[int, torch.Tensor] = {}

    def hook_for(layer: int) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
            found[layer] = (args[0] if args else kwargs["hidden_states"]).detach()

        return hook

    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_pre_hook(loaded.layers[layer], hook_for(layer)))
        yield found


@contextmanager
def started_at(loaded: "LoadedModel", layer: int, hidden: torch.Tensor) -> Iterator[None]:
    """Layers below `layer` pass their input on; `layer` reads `hidden`, (batch, positions, D), not what reaches it."""
    skipped = [loaded.layers[i] for i in range(layer)]

    def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, object]) -> object:
        if args:
            return (hidden, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": hidden}

    def pass_on(hidden_states: torch.Tensor, *_: object, **__: object) -> object:
        return (hidden_states,) if loaded.architecture.tuple_output else hidden_states

    with _other_forward(skipped, pass_on), _pre_hook(loaded.layers[layer], hook):
        yield


@contextmanager
def replaced_stream(loaded: "LoadedModel", hidden: torch.Tensor) -> Iterator[None]:
    """Every layer gives `hidden`, (1, R, D), whatever reaches it: the model is its end alone, final norm and head."""

    def give(*_: object, **__: object) -> object:
        return (hidden,) if loaded.architecture.tuple_output else hidden

    with _other_forward(loaded.layers, give):
        yield


@contextmanager
def _other_forward(modules: Sequence[nn.Module], forward: Callable[..., object]) -> Iterator[None]:
    # A placed model (accelerate) already has a forward of its own on the instance; that one must come back.
    before = [module.__dict__.get("forward") for module in modules]
    try:
        for module in modules:
            module.__dict__["forward"] = forward
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            module.__dict__.pop("forward", None)
            if own is not None:
                module.__dict__["forward"] = own
