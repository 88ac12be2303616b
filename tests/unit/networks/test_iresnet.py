"""IResNet: batches, and its weights out of ONNX files as exporters write them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

from liveact_eval.errors import UserError
from liveact_eval.networks.iresnet import IResNet, build_iresnet100, embed
from liveact_eval.networks.iresnet_onnx import read_iresnet_onnx
from liveact_eval.networks.onnx_file import read_graph
from liveact_eval.networks.seeded import calibrate, fill_seeded
from tests.unit.networks.onnx_writer import NodeParts, write_onnx

DEPTHS = (1, 2, 1, 1)
Parts = tuple[list[NodeParts], dict[str, torch.Tensor]]


@pytest.fixture(scope="module")
def network() -> IResNet:
    made = IResNet(DEPTHS)
    made.eval().requires_grad_(False)
    fill_seeded(made, "iresnet")
    calibrate(made, torch.rand(6, 3, 112, 112, generator=torch.Generator().manual_seed(0)))
    return made


def exported(network: IResNet) -> Parts:
    """The graph that torch's exporter makes of the network: batch norms folded into convolutions where possible."""
    nodes: list[NodeParts] = []
    tensors: dict[str, torch.Tensor] = {}

    def add(operation: str, source: str, *constants: torch.Tensor) -> str:
        names = [f"{len(nodes)}_{i}" for i in range(len(constants))]
        tensors.update(zip(names, constants, strict=True))
        nodes.append((operation, [source, *names], [f"out{len(nodes)}"]))
        return f"out{len(nodes) - 1}"

    def convolution(source: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        fused = fuse_conv_bn_eval(conv, norm)
        assert fused.bias is not None
        return add("Conv", source, fused.weight, fused.bias)

    def norm(source: str, layer: nn.BatchNorm2d | nn.BatchNorm1d) -> str:
        return add(
            "BatchNormalization", source, layer.weight, layer.bias, layer.running_mean, layer.running_var
        )

    x = add("PRelu", convolution("input.1", network.conv1, network.bn1), network.prelu.weight[:, None, None])
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for block in stage:
            inner = convolution(norm(x, block.bn1), block.conv1, block.bn2)
            inner = convolution(
                add("PRelu", inner, block.prelu.weight[:, None, None]), block.conv2, block.bn3
            )
            if block.downsample is not None:
                x = convolution(x, block.downsample[0], block.downsample[1])
            nodes.append(("Add", [inner, x], [f"out{len(nodes)}"]))
            x = f"out{len(nodes) - 1}"
    x = add("Gemm", add("Flatten", norm(x, network.bn2)), network.fc.weight, network.fc.bias)
    norm(x, network.features)
    return nodes, tensors


@pytest.fixture(scope="module")
def parts(network: IResNet) -> Parts:
    return exported(network)


def test_weights_come_out_of_an_onnx_file(network: IResNet, parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "faces.onnx"
    path.write_bytes(write_onnx(*parts))
    with torch.device("meta"):
        other = IResNet(DEPTHS).eval()
    other.load_state_dict(read_iresnet_onnx(path, DEPTHS), assign=True)
    faces = torch.rand(2, 112, 112, 3, generator=torch.Generator().manual_seed(1)) * 255
    torch.testing.assert_close(embed(other, faces), embed(network, faces), atol=1e-3, rtol=0)


def test_an_onnx_file_of_another_network_is_refused(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "faces.onnx"
    nodes, tensors = parts
    small = {name: tensor if tensor.ndim == 4 else tensor[:1] for name, tensor in tensors.items()}
    path.write_bytes(write_onnx(nodes, small))
    with pytest.raises(UserError, match=r"faces.onnx has 11 3x3 convolutions, expected 49 .*\[3, 4, 14, 3\]"):
        read_iresnet_onnx(path)
    path.write_bytes(write_onnx([("Sub", ["input.1", "0_0"], ["x"]), *nodes], small))
    with pytest.raises(UserError, match="operations Sub, which an IResNet with its input scaled outside"):
        read_iresnet_onnx(path, DEPTHS)


@pytest.mark.parametrize("raw", [True, False])
def test_both_ways_of_storing_floats_are_read(tmp_path: Path, raw: bool) -> None:
    path = tmp_path / "one.onnx"
    weight = torch.arange(300.0).reshape(3, 100)
    path.write_bytes(write_onnx([("Gemm", ["x", "weight"], ["y"])], {"weight": weight}, raw=raw))
    graph = read_graph(path)
    assert torch.equal(graph.tensors["weight"], weight)
    assert [(node.operation, node.inputs, node.outputs) for node in graph.nodes] == [
        ("Gemm", ("x", "weight"), ("y",))
    ]


def test_a_damaged_or_missing_onnx_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faces.onnx"
    with pytest.raises(UserError, match=r"Cannot read .*faces.onnx"):
        read_graph(path)
    whole = write_onnx([("Gemm", ["x", "weight"], ["y"])], {"weight": torch.ones(3, 100)})
    for damaged in (
        b"",
        b"no such thing at all",
        whole[: len(whole) // 2],
        whole.replace(b"weight", b"weigh\xff"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            UserError, match=r"faces.onnx is no ONNX file with its weights inside, or is damaged"
        ):
            read_graph(path)


def test_one_face_or_many_give_the_same_vector(network: IResNet) -> None:
    faces = torch.randint(0, 256, (5, 112, 112, 3), generator=torch.Generator().manual_seed(2)).to(
        torch.uint8
    )
    together = embed(network, faces)
    apart = torch.cat([embed(network, face[None]) for face in faces])
    assert together.shape == (5, 512)
    assert float((F.normalize(together) - F.normalize(apart)).abs().max()) < 1e-6
    assert float(1 - torch.cosine_similarity(together.double(), apart.double()).min()) < 1e-10


def test_the_deeper_network_has_the_blocks_of_its_file() -> None:
    with torch.device("meta"):
        keys = build_iresnet100().state_dict().keys()
    assert "layer3.29.conv2.weight" in keys
    assert "layer3.30.conv2.weight" not in keys
