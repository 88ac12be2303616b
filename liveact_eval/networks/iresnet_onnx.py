"""Weights of an IResNet out of the ONNX packs of InsightFace, under the parameter names of `iresnet.py`.

The exporter folds every batch norm that follows a convolution into it and gives the tensors numbers for names, so that
they are told apart by their place in the graph: 3x3 convolutions in order are the stem and two per block, 1x1 ones the
shortcuts, batch norms that follow no convolution the first of each block and the last two. A folded batch norm becomes
one that only adds the bias. In torch the network then runs batched, on any device, and without onnxruntime.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from liveact_eval.errors import UserError
from liveact_eval.networks.iresnet import DEPTHS_50
from liveact_eval.networks.onnx_file import Graph, Node, read_graph

_EPSILON = 1e-5
_MOMENTS = ("weight", "bias", "running_mean", "running_var")
_KNOWN = {"Conv", "BatchNormalization", "PRelu", "Add", "Flatten", "Reshape", "Gemm", "Identity", "Constant"}


def read_iresnet_onnx(path: Path, depths: tuple[int, int, int, int] = DEPTHS_50) -> dict[str, Tensor]:
    """State dict of an `IResNet` from an ONNX file.

    Args:
        path: `w600k_r50.onnx` (depths of 50 layers), `glintr100.onnx` (of 100 layers), or a file of the same make.
        depths: blocks per stage.

    Raises:
        UserError: the file is missing or damaged, or its graph is not that of this network.
    """
    return state_dict_of(read_graph(path), depths, path.name)


def state_dict_of(graph: Graph, depths: tuple[int, int, int, int], name: str) -> dict[str, Tensor]:
    """The same from a graph that has been read.

    Raises:
        UserError: the graph is not that of this network.
    """
    foreign = sorted({node.operation for node in graph.nodes} - _KNOWN)
    if foreign:
        raise UserError(
            f"{name} holds the operations {', '.join(foreign)}, which an IResNet with its input scaled outside has "
            "not. Take w600k_r50.onnx or glintr100.onnx as published by InsightFace."
        )
    norms = {node.inputs[0]: node for node in graph.nodes if node.operation == "BatchNormalization"}
    convolutions = [node for node in graph.nodes if node.operation == "Conv"]
    after = {output for node in convolutions for output in node.outputs}
    parts: dict[str, list[Node]] = {
        "3x3 convolutions": [node for node in convolutions if _side(graph, node) == 3],
        "1x1 convolutions": [node for node in convolutions if _side(graph, node) == 1],
        "batch norms": [node for start, node in norms.items() if start not in after],
        "activations": [node for node in graph.nodes if node.operation == "PRelu"],
        "linear layers": [node for node in graph.nodes if node.operation == "Gemm"],
    }
    blocks = sum(depths)
    expected = dict(zip(parts, (2 * blocks + 1, len(depths), blocks + 2, blocks + 1, 1), strict=True))
    for what, count in expected.items():
        if len(parts[what]) != count:
            raise UserError(
                f"{name} has {len(parts[what])} {what}, expected {count} for stages of {list(depths)} blocks. "
                "Take the file of the network that is built, or build the network of the file."
            )
    return dict(_named(graph, depths, {what: iter(nodes) for what, nodes in parts.items()}, norms))


def _named(
    graph: Graph,
    depths: tuple[int, int, int, int],
    parts: Mapping[str, Iterator[Node]],
    norms: Mapping[str, Node],
) -> Iterator[tuple[str, Tensor]]:
    def convolution(kind: str, name: str, norm: str) -> Iterator[tuple[str, Tensor]]:
        node = next(parts[kind])
        weight = graph.tensors[node.inputs[1]]
        yield f"{name}.weight", weight
        if node.outputs[0] in norms:
            yield from _norm(graph, norms[node.outputs[0]], norm)
        else:
            bias = graph.tensors[node.inputs[2]] if len(node.inputs) > 2 else torch.zeros(len(weight))
            # (x - 0) / sqrt(1 + epsilon) * sqrt(1 + epsilon) + bias
            scale = torch.full((len(weight),), math.sqrt(1 + _EPSILON))
            values = (scale, bias, torch.zeros(len(weight)), torch.ones(len(weight)))
            yield from ((f"{norm}.{moment}", value) for moment, value in zip(_MOMENTS, values, strict=True))
            yield f"{norm}.num_batches_tracked", torch.tensor(0)

    def activation(name: str) -> tuple[str, Tensor]:
        return f"{name}.weight", graph.tensors[next(parts["activations"]).inputs[1]].flatten()

    yield from convolution("3x3 convolutions", "conv1", "bn1")
    yield activation("prelu")
    for stage, depth in enumerate(depths, 1):
        for i in range(depth):
            block = f"layer{stage}.{i}"
            yield from _norm(graph, next(parts["batch norms"]), f"{block}.bn1")
            yield from convolution("3x3 convolutions", f"{block}.conv1", f"{block}.bn2")
            yield activation(f"{block}.prelu")
            yield from convolution("3x3 convolutions", f"{block}.conv2", f"{block}.bn3")
            if i == 0:
                names = (f"{block}.downsample.0", f"{block}.downsample.1")
                yield from convolution("1x1 convolutions", *names)
    yield from _norm(graph, next(parts["batch norms"]), "bn2")
    linear = next(parts["linear layers"])
    weight, bias = graph.tensors[linear.inputs[1]], graph.tensors[linear.inputs[2]]
    yield "fc.weight", weight if len(weight) == len(bias) else weight.T.contiguous()
    yield "fc.bias", bias
    yield from _norm(graph, next(parts["batch norms"]), "features")


def _norm(graph: Graph, node: Node, name: str) -> Iterator[tuple[str, Tensor]]:
    for moment, tensor in zip(_MOMENTS, node.inputs[1:], strict=True):
        yield f"{name}.{moment}", graph.tensors[tensor]
    yield f"{name}.num_batches_tracked", torch.tensor(0)


def _side(graph: Graph, node: Node) -> int:
    weight = graph.tensors.get(node.inputs[1])
    return 0 if weight is None else weight.shape[-1]
