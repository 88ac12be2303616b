"""Seeded weight files for other tools, in the names, formats and places that each looks for.

The tensors are those of the seeded networks here, so that both sides compute the same function and their numbers can
be compared. Only CLIP differs a little: its loader rounds all weights to half precision first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.files import atomic_path
from liveact_eval.networks.inception import from_pytorch_fid
from liveact_eval.networks.provider import Networks

_TEXT_LAYERS = 12
_TEXT_LENGTH = 77
_VOCABULARY = 49408
_INCEPTION_CLASSES = 1008
_ALEXNET_CLASSIFIER = {1: (4096, 9216), 4: (4096, 4096), 6: (1000, 4096)}

DINO = "dino_vitbase16_pretrain.pth"
INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
ALEXNET = "alexnet-owt-7be5be79.pth"


def write_seeded(home: Path, files: Iterable[str] | None = None) -> None:
    """Write what is not there yet.

    Args:
        home: folder of all files of the tools; `VBENCH_CACHE_DIR` is `home/vbench`, `TORCH_HOME` is `home/torch`.
        files: paths below the home; of others nothing is written, and those that no rule makes are left out. `None`:
            all, about 3.2 GB.
    """
    networks = Networks(mode="seeded")
    vbench, hub = home / "vbench", home / "torch" / "hub" / "checkpoints"
    made: dict[Path, Callable[[], Mapping[str, Tensor]]] = {
        home / "syncnet_v2.model": lambda: networks.get("syncnet").state_dict(),
        home / "sfd_face.pth": lambda: _silent(networks.get("s3fd").state_dict()),
        home / "lpips_alex.pth": lambda: _lpips(networks.get("lpips_alex"))[1],
        hub / ALEXNET: lambda: _lpips(networks.get("lpips_alex"))[0],
        hub / DINO: lambda: networks.get("dino_vitb16").state_dict(),
        hub / INCEPTION: lambda: _inception(networks.get("inception")),
        vbench / "dino_model" / DINO: dict,
        vbench / "clip_model" / "ViT-B-32.pt": lambda: _clip(networks.get("clip_vitb32"), text=512),
        vbench / "clip_model" / "ViT-L-14.pt": lambda: _clip(networks.get("clip_vitl14"), text=768),
        vbench / "aesthetic_model" / "emb_reader" / "sa_0_4_vit_l_14_linear.pth": (
            lambda: networks.get("aesthetic").state_dict()
        ),
        vbench / "pyiqa_model" / "musiq_spaq_ckpt-358bb6af.pth": lambda: networks.get("musiq").state_dict(),
        vbench / "raft_model" / "models" / "raft-things.pth": lambda: networks.get("raft").state_dict(),
        vbench / "amt_model" / "amt-s.pth": lambda: {"state_dict": networks.get("amt_s").state_dict()},
    }
    wanted = None if files is None else {home / file for file in files}
    for path, tensors in made.items():
        if not path.exists() and (wanted is None or path in wanted):
            with atomic_path(path) as part:
                # CLIP's loader opens TorchScript; of a plain file it begins to read in the middle.
                if path.parent.name == "clip_model":
                    torch.jit.script(_Tree(tensors())).save(str(part))
                else:
                    torch.save(tensors(), part)


class _Tree(nn.Module):  # type: ignore[misc]
    """Tensors under their dotted names, each part of a name a module."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        below: dict[str, dict[str, Tensor]] = {}
        for name, tensor in state.items():
            head, _, rest = name.partition(".")
            if rest:
                below.setdefault(head, {})[rest] = tensor
            else:
                self.register_buffer(head, tensor)
        for head, part in below.items():
            self.add_module(head, _Tree(part))

    def forward(self) -> None:
        """Nothing: only the tensors are wanted."""


def _silent(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """S3FD that sees no face anywhere: random weights would see thousands, whose sorting is no usual cost."""
    quiet = dict(state)
    for name, tensor in state.items():
        if name.startswith("conf."):
            # The last number of each place speaks for a face, the others against it.
            quiet[name] = torch.zeros_like(tensor)
            if name.endswith("bias"):
                quiet[name][:-1] = 10.0
    return quiet


def _clip(tower: nn.Module, *, text: int) -> dict[str, Tensor]:
    """A whole CLIP around a picture tower; its text tower, which nobody runs, is zero."""
    state = {f"visual.{name}": tensor for name, tensor in tower.state_dict().items()}
    features = state["visual.proj"].shape[1]
    state |= {
        "positional_embedding": torch.zeros(_TEXT_LENGTH, text),
        "text_projection": torch.zeros(text, features),
        "logit_scale": torch.zeros(()),
        "token_embedding.weight": torch.zeros(_VOCABULARY, text),
        "ln_final.weight": torch.zeros(text),
        "ln_final.bias": torch.zeros(text),
    }
    shapes = {
        "attn.in_proj_weight": (3 * text, text),
        "attn.in_proj_bias": (3 * text,),
        "attn.out_proj.weight": (text, text),
        "attn.out_proj.bias": (text,),
        "mlp.c_fc.weight": (4 * text, text),
        "mlp.c_fc.bias": (4 * text,),
        "mlp.c_proj.weight": (text, 4 * text),
        "mlp.c_proj.bias": (text,),
        **{f"ln_{n}.{kind}": (text,) for n in (1, 2) for kind in ("weight", "bias")},
    }
    return state | {
        f"transformer.resblocks.{layer}.{name}": torch.zeros(shape)
        for layer in range(_TEXT_LAYERS)
        for name, shape in shapes.items()
    }


def _inception(network: nn.Module) -> dict[str, Tensor]:
    """Under pytorch-fid's names; its classifier is zero."""
    state = network.state_dict()
    official = _renaming(state)
    return {official[name]: tensor for name, tensor in state.items()} | {
        "fc.weight": torch.zeros(_INCEPTION_CLASSES, 2048),
        "fc.bias": torch.zeros(_INCEPTION_CLASSES),
    }


def _renaming(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Official name by name here: the way back of `from_pytorch_fid`, layer by layer."""
    names = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    names += [f"Mixed_{part}" for part in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")]
    ours = {next(iter(from_pytorch_fid({f"{name}.x": name}))).removesuffix(".x"): name for name in names}
    found = {}
    for name in state:
        layer = next(layer for layer in ours if name.startswith(f"{layer}."))
        found[name] = ours[layer] + name.removeprefix(layer)
    return found


def _lpips(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """torchvision's AlexNet, its classifier zero, and the heads."""
    trunk, heads = {}, {}
    for name, tensor in network.state_dict().items():
        if name.startswith("net."):
            trunk[f"features.{name.split('.', 2)[2]}"] = tensor
        elif name.startswith("lin"):
            heads[name] = tensor
    for layer, shape in _ALEXNET_CLASSIFIER.items():
        trunk[f"classifier.{layer}.weight"] = torch.zeros(shape)
        trunk[f"classifier.{layer}.bias"] = torch.zeros(shape[0])
    return trunk, heads
