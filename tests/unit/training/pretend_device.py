"""A device that is not there: tensors hold numbers on the CPU, say that they lie elsewhere, and refuse as a GPU does.

Under `PretendDevice`, whatever is moved to `DEVICE`, or made there, is an `Apart`. An operation on it is carried out
on the CPU and gives an `Apart` again. What a GPU would refuse is an error: tensors of two devices in one operation,
and an array of numbers straight from the device. Two things that a GPU would do are refused too: draws from its own
generator, which no other device repeats, and (noted, in `unordered`) sums in any order.

So device mistakes of losses, backward passes, optimisers and checkpoints are found without a GPU. Kernels are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("lazy", 0)
"""A type that autograd knows and for which this build has no kernel of its own."""

UNORDERED = frozenset(
    {
        "nll_loss2d_forward",
        "upsample_linear1d_backward",
        "upsample_bilinear2d_backward",
        "upsample_bicubic2d_backward",
        "upsample_trilinear3d_backward",
        "_adaptive_avg_pool2d_backward",
        "_adaptive_avg_pool3d_backward",
        "adaptive_max_pool2d_backward",
        "avg_pool3d_backward",
        "fractional_max_pool2d_backward",
        "reflection_pad1d_backward",
        "reflection_pad2d_backward",
        "reflection_pad3d_backward",
        "grid_sampler_2d_backward",
        "grid_sampler_3d_backward",
        "_ctc_loss_backward",
        "scatter_reduce",
        "put_",
        "histc",
        "median",
    }
)
"""Operations that have no deterministic kernel on CUDA: documentation of `torch.use_deterministic_algorithms`. Bilinear
`interpolate` of pictures is computed from others where these are asked for, as here."""
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")
_MOVING = ("_to_copy", "copy_")
_NESTS = (tuple, list, dict)


class Apart(Tensor):
    """A tensor on `DEVICE`."""

    inner: Tensor
    """Its numbers, on the CPU."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> Apart:
        made: Apart = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        raise AssertionError(f"{func} on {DEVICE} outside of PretendDevice")

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> NoReturn:
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy")


class PretendDevice(TorchDispatchMode):
    """Lets `DEVICE` be used for the time of the block."""

    def __init__(self) -> None:
        super().__init__()
        self.unordered: set[str] = set()
        """Operations seen that add in any order on a GPU."""

    def __enter__(self) -> PretendDevice:
        # `torch.tensor(..., device=...)` would go past a mode that leaves this off.
        self._before = (
            torch._C._only_lift_cpu_tensors(),
            torch.__future__.get_swap_module_params_on_conversion(),
            torch.are_deterministic_algorithms_enabled(),
        )
        torch._C._set_only_lift_cpu_tensors(True)
        # Parameters stay who they are when they are moved, as on their way to a GPU.
        torch.__future__.set_swap_module_params_on_conversion(True)
        # As `computing_on` asks for on a GPU.
        torch.use_deterministic_algorithms(True)
        entered: PretendDevice = super().__enter__()
        return entered

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch._C._set_only_lift_cpu_tensors(self._before[0])
        torch.__future__.set_swap_module_params_on_conversion(self._before[1])
        torch.use_deterministic_algorithms(self._before[2])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        named = func._schema.name.removeprefix("aten::")
        given = [*_tensors((args, kwargs))]
        apart = any(isinstance(part, Apart) for part in given)
        wanted = kwargs.get("device")
        there = apart if wanted is None else torch.device(wanted).type == DEVICE.type
        if apart and named not in _MOVING:
            _refuse_mixtures(func, named, args, given)
        if there:
            if torch.Tag.nondeterministic_seeded in func.tags:
                raise AssertionError(f"{named} draws from the device's generator; expected one of the CPU")
            if named in UNORDERED:
                self.unordered.add(named)
        wrappers = {id(part.inner): part for part in given if isinstance(part, Apart)}

        inside = _mapped(lambda part: part.inner if isinstance(part, Apart) else part, (args, kwargs))
        if wanted is not None and there:
            inside[1]["device"] = torch.device("cpu")
        made = func(*inside[0], **inside[1])
        if not there:
            return made
        return _mapped(lambda part: wrappers[id(part)] if id(part) in wrappers else Apart(part), made)


def _tensors(nested: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and mappings."""
    for part in nested.values() if isinstance(nested, dict) else nested:
        if isinstance(part, Tensor):
            yield part
        elif isinstance(part, _NESTS) and part:
            yield from _tensors(part)


def _mapped(change: Callable[[Tensor], Tensor], nested: Any) -> Any:
    """The same with each tensor changed."""
    if isinstance(nested, Tensor):
        return change(nested)
    if isinstance(nested, dict):
        return {name: _mapped(change, part) for name, part in nested.items()}
    if not isinstance(nested, _NESTS) or not any(isinstance(part, (Tensor, *_NESTS)) for part in nested):
        return nested
    return type(nested)([_mapped(change, part) for part in nested])


def _refuse_mixtures(func: Any, named: str, args: Any, given: list[Tensor]) -> None:
    """Tensors of both devices, but for what a GPU takes from the CPU: indices, and single numbers."""
    if named in _INDEXING and isinstance(args[0], Apart):
        given = [args[0], *(part for part in args[2:] if isinstance(part, Tensor))]
    single = torch.Tag.pointwise in func.tags or named in (*_INDEXING, "fill_")
    other = [part for part in given if not isinstance(part, Apart) and not (single and part.ndim == 0)]
    if other:
        raise AssertionError(
            f"{named} of tensors on {DEVICE} and on {other[0].device} (of shape {tuple(other[0].shape)})"
        )
