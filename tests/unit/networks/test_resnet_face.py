"""The grey identity network of VBench-2.0."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from liveact_eval.networks.resnet_face import ResNetFace, build_resnet_face18, embed, official_names
from liveact_eval.networks.seeded import calibrate, fill_seeded


@pytest.fixture(scope="module")
def network() -> ResNetFace:
    made = build_resnet_face18()
    fill_seeded(made, "resnet_face18")
    calibrate(made, torch.rand(4, 1, 128, 128, generator=torch.Generator().manual_seed(0)))
    return made


def test_a_mirrored_face_has_the_same_halves_in_the_other_order(network: ResNetFace) -> None:
    face = torch.randint(0, 256, (3, 128, 128), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    found, mirrored = (F.normalize(embed(network, faces)) for faces in (face, face.flip(-1)))
    assert found.shape == (3, 1024)
    torch.testing.assert_close(
        mirrored, torch.cat([found[:, 512:], found[:, :512]], dim=1), atol=1e-6, rtol=0
    )
    assert float((found[:, 512:] - found[:, :512]).abs().max()) > 0.01
    torch.testing.assert_close(F.normalize(embed(network, face[1:2]))[0], found[1], atol=1e-6, rtol=0)


def test_the_official_file_was_saved_from_a_wrapped_network(network: ResNetFace) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    build_resnet_face18().load_state_dict(official_names(wrapped))
