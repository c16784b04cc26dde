"""The only file that registers hooks. Each change of a model is a context manager that undoes it at its end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from neuron_core.errors import ModelError
from neuron_core.models.loaded import LoadedModel

Edit = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def _pre_hook(module: nn.Module, hook: Callable[..., object]) -> Iterator[None]:
    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _post_hook(module: nn.Module, hook: Callable[..., object]) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def edited_neurons(loaded: LoadedModel, edits: Mapping[int, Edit]) -> Iterator[None]:
    """Replaces the neuron values of each named layer, the input of its down projection, by what the edit returns.

    An edit takes and returns (positions, I) on the model's device, where all sequences of the batch follow each other.
    It must not write into its argument.
    """

    def hook_for(edit: Edit) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, object]) -> object:
            flat = args[0].reshape(-1, args[0].shape[-1])
            # The layer may be on another GPU.
            return (edit(flat.to(loaded.device)).to(flat.device).reshape(args[0].shape), *args[1:]), kwargs

        return hook

    with ExitStack() as stack:
        for layer, edit in edits.items():
            stack.enter_context(_pre_hook(loaded.down_projections[layer], hook_for(edit)))
        yield


@contextmanager
def recorded_at(
    loaded: LoadedModel,
    positions: torch.Tensor,
    hidden: torch.Tensor,
    neurons: torch.Tensor,
    sequences: torch.Tensor | None = None,
) -> Iterator[None]:
    """Records a pass at Q positions: each layer's input and the last layer's output into `hidden`, (Q, L + 1, D), and
    each layer's neuron values, the input of its down projection, into `neurons`, (Q, L, I).

    sequences: the sequence of each position, (Q,), in ascending order, with no sequence left out. Without it, there is
    one position in each sequence. ModelError after a pass that did not call each layer and each down projection once.
    """
    # To read a number from the device would make it wait.
    n_sequences = len(positions) if sequences is None else int(sequences[-1]) + 1
    if sequences is None:
        sequences = torch.arange(n_sequences, device=positions.device)
    calls = {"layer": [0] * loaded.n_layers, "down projection of layer": [0] * loaded.n_layers, "end of layer": [0]}

    def keep(value: torch.Tensor, store: torch.Tensor, what: str, layer: int) -> None:
        calls[what][layer] += 1
        # Some families fold the batch into the positions.
        of_sequences = value.detach().reshape(n_sequences, -1, value.shape[-1])
        store.copy_(of_sequences[sequences.to(value.device), positions.to(value.device)])

    def hook_for(store: torch.Tensor, what: str, layer: int) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
            keep(args[0] if args else kwargs["hidden_states"], store, what, layer)

        return hook

    def after(_: nn.Module, args: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> None:
        if isinstance(output, tuple) != loaded.architecture.tuple_output:
            raise ModelError(
                f"a layer returns {'a tuple' if isinstance(output, tuple) else 'a tensor'}, the table says otherwise",
                where=f"architecture {loaded.architecture.name}",
                accepted=f"tuple_output = {isinstance(output, tuple)}",
            )
        keep(output[0] if isinstance(output, tuple) else output, hidden[:, loaded.n_layers], "end of layer", -1)

    with ExitStack() as stack:
        for layer in range(loaded.n_layers):
            stack.enter_context(_pre_hook(loaded.layers[layer], hook_for(hidden[:, layer], "layer", layer)))
            hook = hook_for(neurons[:, layer], "down projection of layer", layer)
            stack.enter_context(_pre_hook(loaded.down_projections[layer], hook))
        stack.enter_context(_post_hook(loaded.layers[-1], after))
        yield
    for what, counts in calls.items():
        for layer, n_calls in enumerate(counts):
            if n_calls != 1:
                raise ModelError(
                    f"the {what} {layer if what != 'end of layer' else loaded.n_layers - 1} was called {n_calls} times "
                    "in one pass",
                    where=f"architecture {loaded.architecture.name}",
                    accepted="a model that calls each layer and its down projection once",
                )


@contextmanager
def recorded_inputs(loaded: LoadedModel, layers: Iterable[int]) -> Iterator[dict[int, torch.Tensor]]:
    """Yields a dict. After the pass it has the input of each named layer at all positions, by layer."""
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
def neuron_gradients(
    loaded: LoadedModel, rows: Mapping[int, int], n_prompts: int
) -> Iterator[dict[int, list[torch.Tensor]]]:
    """Yields a dict. Each backward pass through the pass made here appends, for each layer in `rows`, the gradient by
    the neuron values of one row of each prompt, (n_prompts, I).

    rows: layer → the row's place among those of a prompt. Prompts are sequences and the rows their positions.
    """
    found: dict[int, list[torch.Tensor]] = {layer: [] for layer in rows}

    def hook_for(layer: int, row: int) -> Callable[..., object]:
        def keep(gradient: torch.Tensor) -> None:
            # A copy of the row alone, so that the others are not kept in memory.
            found[layer].append(gradient.reshape(n_prompts, -1, gradient.shape[-1])[:, row].clone())

        def hook(_: nn.Module, args: tuple[torch.Tensor, ...], kwargs: dict[str, object]) -> None:
            args[0].register_hook(keep)

        return hook

    with ExitStack() as stack:
        for layer, row in rows.items():
            stack.enter_context(_pre_hook(loaded.down_projections[layer], hook_for(layer, row)))
        yield found


@contextmanager
def started_at(loaded: LoadedModel, entering: Mapping[int, torch.Tensor]) -> Iterator[None]:
    """Puts hidden states into a pass at the inputs of layers. n_layers stands for the output of the last layer.

    entering: layer → (batch, positions, D). Those of the lowest layer replace what reaches that layer, and the layers
    below it are skipped. Those of later layers are appended as further positions. The pass must be as long as all of
    them together.
    """
    first, *later = sorted(entering)
    n_total = sum(hidden.shape[1] for hidden in entering.values())

    def hook_for(layer: int, n_missing: int) -> Callable[..., object]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
            hidden = entering.get(layer)
            if layer != first:
                reached = args[0] if args else kwargs["hidden_states"]
                hidden = reached if hidden is None else torch.cat([reached, hidden.to(reached.device)], dim=1)
            others = {name: _without_last(value, n_missing, n_total) for name, value in kwargs.items()}
            if args:
                return (hidden, *(_without_last(value, n_missing, n_total) for value in args[1:])), others
            return args, {**others, "hidden_states": hidden}

        return hook

    def joined_after(_: nn.Module, args: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> object:
        own = output[0] if isinstance(output, tuple) else output
        both = torch.cat([own, entering[loaded.n_layers].to(own.device)], dim=1)
        return (both,) if isinstance(output, tuple) else both

    def pass_on(hidden_states: torch.Tensor, *_: object, **__: object) -> object:
        return (hidden_states,) if loaded.architecture.tuple_output else hidden_states

    def end_with(*_: object, **__: object) -> object:
        return pass_on(entering[loaded.n_layers])

    with ExitStack() as stack:
        stack.enter_context(_other_forward(loaded.layers[:first], pass_on if first < loaded.n_layers else end_with))
        n_missing = n_total
        for layer in range(first, min(max(entering) + 1, loaded.n_layers)):
            n_missing -= entering[layer].shape[1] if layer in entering else 0
            stack.enter_context(_pre_hook(loaded.layers[layer], hook_for(layer, n_missing)))
        if loaded.n_layers in later:
            stack.enter_context(_post_hook(loaded.layers[-1], joined_after))
        yield


@contextmanager
def replaced_stream(loaded: LoadedModel, hidden: torch.Tensor) -> Iterator[None]:
    """Makes every layer return `hidden`, (1, R, D). So a pass computes only the final norm and the head."""

    def give(*_: object, **__: object) -> object:
        return (hidden,) if loaded.architecture.tuple_output else hidden

    with _other_forward(loaded.layers, give):
        yield


@contextmanager
def _other_forward(modules: Sequence[nn.Module], forward: Callable[..., object]) -> Iterator[None]:
    # A module that accelerate moves has a forward of its own on the instance, which must be restored.
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


def _without_last(value: Any, n_missing: int, n_total: int) -> Any:
    """An argument of a layer (mask, positions, rotary tables), without the positions that have not entered yet."""
    if n_missing == 0:
        return value
    if isinstance(value, tuple):
        return tuple(_without_last(part, n_missing, n_total) for part in value)
    if not isinstance(value, torch.Tensor):
        return value
    if value.ndim == 4 and value.shape[-2] == n_total:
        return value[..., : n_total - n_missing, : value.shape[-1] - n_missing]
    if value.ndim in (2, 3) and value.shape[1] == n_total:
        return value[:, : n_total - n_missing]
    return value
