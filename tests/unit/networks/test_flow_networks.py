"""RAFT, AMT-S and the correlation that both look into."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liveact_eval.networks import amt, raft
from liveact_eval.networks.correlation import CorrelationPyramid, pad_to_multiple, pixel_grid, sample
from liveact_eval.networks.seeded import calibrate, fill_seeded


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def flow_network() -> raft.Raft:
    network = raft.build_raft()
    fill_seeded(network, "raft")
    raft.soften_seeded(network)
    calibrate(network.cnet, noise(2, 3, 64, 64) * 2 - 1)
    return network


@pytest.fixture(scope="module")
def frame_network() -> amt.AmtS:
    network = amt.build_amt_s()
    fill_seeded(network, "amt_s")
    amt.soften_seeded(network)
    return network


def test_flows_of_a_run_are_those_of_its_pairs(flow_network: raft.Raft) -> None:
    frames = noise(3, 3, 60, 70) * 255
    run = flow_network(frames, 2)
    assert run.full.shape == (2, 2, 64, 72)
    assert run.low.shape == (2, 2, 8, 9)
    for pair in range(2):
        alone = flow_network(frames[pair : pair + 2], 2)
        torch.testing.assert_close(alone.full[0], run.full[pair], atol=2e-6, rtol=0)
    assert float((run.full[0] - run.full[1]).abs().max()) > 1e-4


def test_smallest_videos_have_finite_flow(flow_network: raft.Raft) -> None:
    # The coarsest correlation is a single point there: dividing by its extent less one gives no number.
    assert torch.isfinite(flow_network(noise(2, 3, 64, 64) * 255, 3).full).all()


def test_smaller_frames_are_refused(flow_network: raft.Raft) -> None:
    with pytest.raises(ValueError, match="features of 7 x 8; 8 x 8 are expected: frames of at least 64"):
        flow_network(noise(2, 3, 56, 64) * 255, 1)


def test_raft_takes_official_names() -> None:
    state = raft.build_raft().state_dict()
    raft.build_raft().load_state_dict(raft.official_weights({f"module.{k}": v for k, v in state.items()}))
    assert torch.equal(state["cnet.layer2.0.norm3.weight"], state["cnet.layer2.0.downsample.1.weight"])


def test_upsampling_keeps_an_even_flow() -> None:
    flow = torch.tensor([1.5, -2.0]).view(1, 2, 1, 1).expand(1, 2, 5, 6)
    fine = raft._upsample(flow, noise(1, 576, 5, 6))
    inside = fine[..., 8:-8, 8:-8]
    torch.testing.assert_close(inside, (8 * flow[..., :1, :1]).expand_as(inside))


def test_frames_are_made_alike_alone_and_in_a_batch(frame_network: amt.AmtS) -> None:
    before, after = noise(2, 3, 64, 80), noise(3, 3, 64, 80)[1:]
    made = frame_network(before, after)
    assert made.shape == before.shape
    assert float(made.min()) >= 0 and float(made.max()) <= 1
    for n in range(2):
        alone = frame_network(before[n : n + 1], after[n : n + 1])
        # Convolutions of another batch add up in another order, and flows of random weights are long.
        torch.testing.assert_close(alone[0], made[n], atol=1e-5, rtol=0)
    assert float((frame_network(before, after, 0.25) - made).abs().max()) > 1e-4


def test_frames_of_another_size_are_refused(frame_network: amt.AmtS) -> None:
    with pytest.raises(ValueError, match=r"frames of \(64, 72\); multiples of 16"):
        frame_network(noise(1, 3, 64, 72), noise(1, 3, 64, 72))


def test_lookup_reads_the_correlation_with_x_as_the_slow_index() -> None:
    points, targets = noise(1, 4, 8, 9), noise(2, 4, 8, 9)[1:]
    pyramid = CorrelationPyramid(points, targets)
    found = pyramid.lookup(pixel_grid(points) + 0.0, 1)
    assert found.shape == (1, 4 * 9, 8, 9)
    y, x = 2, 3
    by_hand = [
        (points[0, :, y, x] * targets[0, :, y + dy, x + dx]).sum() / 2
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    ]
    torch.testing.assert_close(found[0, :9, y, x], torch.stack(by_hand))
    corner = found[0, :9, 0, 0].view(3, 3)
    assert not corner[0].any() and not corner[:, 0].any()


def test_sampling_at_pixels_and_beyond_the_border() -> None:
    picture = noise(1, 2, 4, 5)
    places = pixel_grid(picture).permute(0, 2, 3, 1)
    torch.testing.assert_close(sample(picture, places, padding="border"), picture)
    beyond = sample(picture, places - 10, padding="border")
    torch.testing.assert_close(beyond, picture[..., :1, :1].expand_as(picture))
    assert not sample(picture, places - 10, padding="zeros").any()


def test_padding_is_split_and_repeats_the_border() -> None:
    picture = noise(1, 3, 9, 16)
    padded, around = pad_to_multiple(picture, 8)
    assert (padded.shape[-2:], around) == ((16, 16), (0, 0, 3, 4))
    assert torch.equal(padded[..., :3, :], picture[..., :1, :].expand(-1, -1, 3, -1))
    assert pad_to_multiple(picture[..., :8, :], 8)[0].shape[-2:] == (8, 16)
