"""Kernels that compute softmax attention. The one that was asked for runs, or it is an error.

Whether a kernel runs on a device is found out when it is built, by a small call, not in the middle of a video.
Shapes: B batch, Nq queries, Nk keys, H heads, D head width.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from liveact_eval.liveact.errors import LiveActError

AttentionBackend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Takes q [B, Nq, H, D], k and v [B, Nk, H, D] and a mask [Nq, Nk] (true: attend) or `None`; gives [B, Nq, H, D]."""

Kernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The same without a mask."""


def sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """PyTorch's scaled dot-product attention, with the kernel that PyTorch picks."""
    out = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask
    )
    return out.transpose(1, 2)


@dataclass(frozen=True)
class PinnedSdpa:
    """PyTorch's attention with one kernel, whatever PyTorch would pick."""

    name: str
    """Name in options and results."""
    kernel: SDPBackend
    """PyTorch's name of the kernel."""
    masks: bool
    """Whether it takes masks."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `AttentionBackend`."""
        if mask is not None and not self.masks:
            raise _no_mask(self.name)
        with sdpa_kernel(self.kernel):
            return sdpa(q, k, v, mask)


@dataclass(frozen=True)
class PackageKernel:
    """A kernel of another package. It takes no masks, and `torch.compile` must not look inside."""

    name: str
    """Name in options and results."""
    origin: str
    """Package and version, for the record."""
    kernel: Kernel
    """What computes."""

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `AttentionBackend`."""
        if mask is not None:
            raise _no_mask(self.name)
        return self.kernel(q, k, v)


_PINNED = (
    PinnedSdpa("sdpa-math", SDPBackend.MATH, masks=True),
    PinnedSdpa("sdpa-flash", SDPBackend.FLASH_ATTENTION, masks=False),
    PinnedSdpa("sdpa-efficient", SDPBackend.EFFICIENT_ATTENTION, masks=True),
    # cuDNN takes masks in some versions only; here it is used without.
    PinnedSdpa("sdpa-cudnn", SDPBackend.CUDNN_ATTENTION, masks=False),
)
BACKENDS = ("sdpa", *(backend.name for backend in _PINNED), "flash-attn", "sage")
"""All names, whether or not they can run here."""


def attention_backend(
    name: str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    head_dim: int = 128,
) -> AttentionBackend:
    """The backend of that name, once a small call has shown that it runs.

    Args:
        name: `sdpa` (PyTorch picks), `sdpa-math`, `sdpa-flash`, `sdpa-efficient`, `sdpa-cudnn`, `flash-attn`
            (packages flash_attn or, on Hopper, flash_attn_interface), `sage` (package sageattention: 8-bit products,
            the kernel of the official program; not exact).
        device: where it will run.
        dtype: of queries, keys and values.
        head_dim: width D of a head.

    Raises:
        LiveActError: unknown, not installed, or not able to run with this device, dtype and width.
    """
    backend = _build(name)
    place = torch.device(device)
    # Nothing is computed on the meta device, so there is nothing that could fail.
    if place.type != "meta":
        _probe(name, backend, place, dtype, head_dim)
    return backend


def available_backends(
    device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, head_dim: int = 128
) -> dict[str, str | None]:
    """Every backend, with the reason why it cannot run there, or `None` where it can."""
    found: dict[str, str | None] = {}
    for name in BACKENDS:
        try:
            attention_backend(name, device, dtype, head_dim)
            found[name] = None
        except LiveActError as error:
            found[name] = str(error)
    return found


def backend_name(backend: AttentionBackend) -> str:
    """Name of a backend for the record, with the package's version where it is not PyTorch's."""
    if isinstance(backend, PackageKernel):
        return f"{backend.name} ({backend.origin})"
    return "sdpa" if backend is sdpa else str(getattr(backend, "name", repr(backend)))


def _build(name: str) -> AttentionBackend:
    for pinned in _PINNED:
        if name == pinned.name:
            return pinned
    builders: dict[str, Callable[[], AttentionBackend]] = {
        "sdpa": lambda: sdpa,
        "flash-attn": _flash_attn,
        "sage": _sage,
    }
    if name not in builders:
        raise LiveActError(f"No attention backend is named {name!r}; known: {', '.join(BACKENDS)}")
    return builders[name]()


def _flash_attn() -> PackageKernel:
    """FlashAttention 3 where it is installed, which it is for Hopper only; else FlashAttention 2."""
    problems = []
    for package in ("flash_attn_interface", "flash_attn"):
        try:
            return _flash_kernel(package, importlib.import_module(package))
        # A library built for another PyTorch fails to load with an OSError.
        except (ImportError, OSError) as error:
            problems.append(f"{package}: {error}")
    raise LiveActError(
        f"Attention backend flash-attn is not installed ({'; '.join(problems)}). Install flash-attn built for PyTorch "
        f"{torch.__version__}, or choose sdpa-flash, which comes with PyTorch"
    )


def _flash_kernel(package: str, module: ModuleType) -> PackageKernel:
    function = module.flash_attn_func

    def kernel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = function(q, k, v)
        # Some versions give the log-sum-exp too.
        attended: Tensor = out[0] if isinstance(out, tuple) else out
        return attended

    return PackageKernel("flash-attn", _origin(package, module), torch.compiler.disable(kernel))


def _sage() -> PackageKernel:
    try:
        module = importlib.import_module("sageattention")
    except (ImportError, OSError) as error:
        raise LiveActError(
            f"Attention backend sage is not installed (sageattention: {error}). Install sageattention 2 built for "
            f"PyTorch {torch.__version__}, or choose sdpa"
        ) from error
    function = module.sageattn

    def kernel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        attended: Tensor = function(q, k, v, tensor_layout="NHD", is_causal=False)
        return attended

    return PackageKernel("sage", _origin("sageattention", module), torch.compiler.disable(kernel))


def _origin(package: str, module: ModuleType) -> str:
    return f"{package} {getattr(module, '__version__', 'of unknown version')}"


def _probe(
    name: str, backend: AttentionBackend, device: torch.device, dtype: torch.dtype, head_dim: int
) -> None:
    """Attend to more keys than queries, as with a memory, and to an odd number, as with a reference picture."""
    where = f"{device}, {str(dtype).removeprefix('torch.')} and heads of width {head_dim}"
    try:
        q = torch.ones(1, 64, 2, head_dim, device=device, dtype=dtype)
        sound = True
        with torch.no_grad():
            for keys in (128, 257):
                k = torch.ones(1, keys, 2, head_dim, device=device, dtype=dtype)
                # The mean of ones is one, whatever the weights.
                out = backend(q, k, k, None)
                sound &= out.shape == q.shape and torch.allclose(out.float(), q.float(), atol=0.1)
    # What a foreign kernel raises is its own affair; each means that it does not run.
    except (RuntimeError, ValueError, TypeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LiveActError(
            f"Attention backend {name} does not run with {where}: {reason}. Choose sdpa, which runs anywhere"
        ) from error
    if not sound:
        raise LiveActError(
            f"Attention backend {name} gives wrong values with {where}. Choose sdpa, which runs anywhere"
        )


def _no_mask(name: str) -> LiveActError:
    return LiveActError(
        f"Attention backend {name} takes no masks, and a mask between frames was given; choose sdpa"
    )
