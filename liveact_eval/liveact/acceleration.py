"""Speed and precision as one set of options, applied in the one order that works, and recorded as what really runs.

options = SpeedOptions(attention="sdpa-cudnn", fp8_linear="scaled", compile="default")
options.check(device)                       # before anything is loaded
record = apply(dit, options, device, vae=vae)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

import torch
from torch import nn

from liveact_eval.liveact.backends import BACKENDS, attention_backend, backend_name
from liveact_eval.liveact.compiled import CompileMode, compile_blocks
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.fp8_linear import Fp8Linear, Fp8Method, require_scaled
from liveact_eval.liveact.graphs import CudaRecorder, GraphedForward
from liveact_eval.liveact.offload import BlockOffload
from liveact_eval.liveact.quantise import quantise_linears
from liveact_eval.liveact.vae import WanVAE

DType = Literal["bfloat16", "float16", "float32"]

Recorded = dict[str, str | int | bool | None]
"""Options and what came of them, for results."""


@dataclass(frozen=True, kw_only=True)
class SpeedOptions:
    """How the transformer and the VAE compute. The defaults change nothing but the dtype."""

    dtype: DType = "bfloat16"
    """Of weights, activations and caches; what is loaded must have it."""
    attention: str = "sdpa"
    """Kernel of self-attention and of attention to text and image, see `liveact_eval.liveact.backends`."""
    fp8_linear: Literal["off"] | Fp8Method = "off"
    """Linear layers of the blocks in 8 bits, see `liveact_eval.liveact.quantise`."""
    compile: Literal["off"] | CompileMode = "off"
    """Compile the blocks, see `liveact_eval.liveact.compiled`."""
    cuda_graphs: bool = False
    """Replay model calls as CUDA graphs, see `liveact_eval.liveact.graphs`."""
    block_offload: int | None = None
    """Blocks that stay on the device while the others stream from host memory; `None`: all stay."""
    channels_last_vae: bool = False
    """Lay out the VAE's kernels with channels last."""
    tf32: bool = False
    """Products and convolutions in float32 with 10 bits of mantissa. A switch of the whole process."""

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as PyTorch's."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype

    def check(self, device: torch.device) -> None:
        """Refuse what contradicts itself or the kind of device, before anything is loaded.

        Raises:
            LiveActError: says which option to leave off.
        """
        known: dict[str, tuple[str, tuple[str, ...]]] = {
            "dtype": (self.dtype, get_args(DType)),
            "attention": (self.attention, BACKENDS),
            "fp8_linear": (self.fp8_linear, ("off", *get_args(Fp8Method))),
            "compile": (self.compile, ("off", *get_args(CompileMode))),
        }
        for name, (value, values) in known.items():
            if value not in values:
                raise LiveActError(f"{name} is {value!r}; expected one of {', '.join(values)}")
        if device.type != "cuda":
            wanting = {
                "cuda_graphs": self.cuda_graphs,
                "block_offload": self.block_offload is not None,
                "tf32": self.tf32,
            }
            for name, wanted in wanting.items():
                if wanted:
                    raise LiveActError(f"{name} needs a CUDA device; this is {device}. Leave {name} off")
        if self.cuda_graphs and self.block_offload is not None:
            raise LiveActError(
                "cuda_graphs and block_offload exclude each other: graphs need weights that keep their addresses. "
                "Leave one of them off"
            )

    def check_device(self, device: torch.device, head_dim: int) -> None:
        """`check`, and try the kernels on the device with small calls, still before anything is loaded.

        Raises:
            LiveActError: a kernel is not installed or does not run there.
        """
        self.check(device)
        attention_backend(self.attention, device, self.torch_dtype, head_dim)
        if self.fp8_linear == "scaled":
            require_scaled(device, self.torch_dtype)

    def describe(self) -> Recorded:
        """The options by name."""
        return asdict(self)


def apply(
    dit: CausalDiT, options: SpeedOptions, device: torch.device | str, *, vae: WanVAE | None = None
) -> Recorded:
    """Bring a transformer to its device and make it fast there, in place, once.

    The model may lie anywhere: with 8 bits or offload it goes to the device layer by layer, so the device need not
    hold it whole. In host memory it must fit.

    Args:
        dit: with weights, in the dtype of the options.
        options: what to do.
        device: where it will compute.
        vae: on the device already; laid out anew if the options say so.

    Returns:
        What really runs: the options, the attention package's version, bytes on the device and in host memory.

    Raises:
        LiveActError: options that contradict each other, a kernel that does not run there, another dtype, or a
            transformer that was made fast before.
    """
    place = torch.device(device)
    options.check(place)
    if dit.dtype != options.torch_dtype:
        raise LiveActError(
            f"The transformer's weights are {dit.dtype}, and the options say {options.dtype}. Load it in that dtype"
        )
    if _touched(dit):
        raise LiveActError("This transformer was made fast before. Build a new one for other options")
    attend = attention_backend(options.attention, place, dit.dtype, dit.config.head_dim)
    home = place if options.block_offload is None else torch.device("cpu")
    if options.fp8_linear != "off":
        quantise_linears(dit, method=options.fp8_linear, device=place, home=home)
    host_bytes = 0
    if options.block_offload is None:
        dit.to(place)
    else:
        _move_all_but_linears(dit, place)
        offload = BlockOffload(dit.blocks, place, options.block_offload)
        dit.feed, host_bytes = offload, offload.host_bytes()
    dit.attend = attend
    if place.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = options.tf32
        torch.backends.cudnn.allow_tf32 = options.tf32
    if options.compile != "off":
        compile_blocks(dit, options.compile)
    if options.cuda_graphs:
        dit.executor = GraphedForward(CudaRecorder(place))
    if vae is not None and options.channels_last_vae:
        vae.to(channels_last=True)
    held = sum(t.nbytes for t in dit.state_dict().values())
    return {
        **options.describe(),
        "attention": backend_name(attend),
        "dit_bytes": held,
        "dit_host_bytes": host_bytes,
    }


def _touched(dit: CausalDiT) -> bool:
    fed = isinstance(dit.feed, BlockOffload) or dit.executor is not None
    return fed or any(isinstance(part, Fp8Linear) or _is_compiled(part) for part in dit.modules())


def _is_compiled(module: nn.Module) -> bool:
    return getattr(module, "_compiled_call_impl", None) is not None


def _move_all_but_linears(dit: CausalDiT, device: torch.device) -> None:
    """Everything to the device but the linear layers of the blocks, which `BlockOffload` takes over."""
    for name, part in dit.named_modules():
        if name.startswith("blocks.") and isinstance(part, (nn.Linear, Fp8Linear)):
            continue
        for leaf, parameter in part.named_parameters(recurse=False):
            setattr(part, leaf, nn.Parameter(parameter.detach().to(device), requires_grad=False))
        for leaf, buffer in part.named_buffers(recurse=False):
            setattr(part, leaf, buffer.to(device))
