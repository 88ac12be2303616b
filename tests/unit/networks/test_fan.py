"""FAN and what is read from its heat maps, against the library that published it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from liveact_eval.errors import UserError
from liveact_eval.networks import files
from liveact_eval.networks.fan import FAN, POINTS, build_fan, normalise, points_of
from liveact_eval.networks.seeded import fill_seeded

# Said by face-alignment 1.5.0 (`get_preds_fromhm`) of RandomState(5).rand(1, 68, 64, 64) as float32: points in cells.
LIBRARY_POINTS = [[50.25, 20.25], [24.25, 3.25], [3.75, 38.75], [2.75, 21.25]]
# Said by face-alignment 1.5.0 (`models.FAN(2)`) with seeded weights (tag `fan`) of RandomState(7).rand(1, 3, 64, 64):
# maps 0, 30 and 67 at row 8 and column 8, and mean and deviation of all.
LIBRARY_MAPS = [-1435.0516, -471.5295, 1763.2280]
LIBRARY_MOMENTS = [-155.6495, 1441.3334]


def slowly(maps: np.ndarray) -> np.ndarray:
    """One map after the other, by the words of the library: highest cell, a quarter towards the higher neighbour."""
    height, width = maps.shape[-2:]
    found = np.empty((*maps.shape[:2], 2))
    for place in np.ndindex(*maps.shape[:2]):
        one = maps[place]
        row, column = divmod(int(one.argmax()), width)
        x, y = column + 0.5, row + 0.5
        if 0 < column < width - 1 and 0 < row < height - 1:
            x += 0.25 * np.sign(one[row, column + 1] - one[row, column - 1])
            y += 0.25 * np.sign(one[row + 1, column] - one[row - 1, column])
        found[place] = x / width, y / height
    return found


def test_points_are_those_of_the_library() -> None:
    maps = torch.from_numpy(np.random.RandomState(5).rand(1, POINTS, 64, 64).astype(np.float32))
    assert (64 * points_of(maps)[0, :4]).tolist() == LIBRARY_POINTS


@pytest.mark.parametrize("shape", [(2, 68, 64, 64), (3, 5, 4, 6), (1, 2, 3, 3)])
def test_points_are_found_at_once_as_one_by_one(shape: tuple[int, int, int, int]) -> None:
    # Few levels, so that neighbours are often equal and the highest cell is often not alone.
    maps = np.random.RandomState(1).randint(0, 9, shape).astype(np.float32)
    maps += np.linspace(0, 0.5, maps[0, 0].size, dtype=np.float32).reshape(shape[2:])[::-1]
    np.testing.assert_allclose(points_of(torch.from_numpy(maps)).numpy(), slowly(maps), atol=1e-7)


@pytest.mark.parametrize("cell", [(0, 0), (0, 7), (7, 3), (4, 7), (7, 7)])
def test_a_cell_at_the_edge_is_not_moved(cell: tuple[int, int]) -> None:
    maps = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    maps[0, 0, cell[0], cell[1]] = 5
    assert points_of(maps)[0, 0].tolist() == [(cell[1] + 0.5) / 8, (cell[0] + 0.5) / 8]


def test_size_and_names_are_those_of_the_published_network() -> None:
    with torch.device("meta"):
        state = build_fan().state_dict()
    assert (
        sum(value.numel() for key, value in state.items() if key.endswith(("weight", "bias"))) == 23_820_176
    )
    expected = {
        "conv1.bias",
        "conv2.downsample.2.weight",
        "m3.b2_plus_1.bn3.running_var",
        "m0.b3_4.conv1.weight",
    }
    assert expected | {
        "top_m_2.conv3.weight",
        "conv_last3.bias",
        "bn_end0.weight",
        "l3.bias",
        "al2.bias",
    } <= set(state)
    assert "bl3.weight" not in state and "al3.weight" not in state


def test_fine_points_are_the_tops_of_bells() -> None:
    tops = torch.rand(1, 40, 2, generator=torch.Generator().manual_seed(4)) * 8 + 4
    place = torch.arange(16) + 0.5
    x, y = (((place - tops[..., n, None]) ** 2) / (2 * 1.5**2) for n in (0, 1))
    bells = torch.exp(-(x[:, :, None, :] + y[:, :, :, None]))
    torch.testing.assert_close(16 * points_of(bells, fine=True), tops, atol=1e-4, rtol=0)
    steps = (16 * points_of(bells) - tops).abs()
    assert 0.1 < steps.max() <= 0.25 + 1e-4
    # Where a neighbour is not above 0 there is no bell, and the coarse reading stands.
    for lowered in (bells - 0.98, bells - 2):
        torch.testing.assert_close(points_of(lowered, fine=True), points_of(lowered))


def test_maps_are_those_of_the_library() -> None:
    network = FAN(stacks=2).eval().requires_grad_(False)
    fill_seeded(network, "fan")
    picture = torch.from_numpy(np.random.RandomState(7).rand(1, 3, 64, 64).astype(np.float32))
    maps = network(picture)
    assert maps[0, [0, 30, 67], 8, 8].tolist() == pytest.approx(LIBRARY_MAPS, rel=1e-4)
    assert [float(maps.mean()), float(maps.std())] == pytest.approx(LIBRARY_MOMENTS, rel=1e-4)


def small() -> FAN:
    network = FAN(stacks=2, width=16, depth=2)
    network.eval().requires_grad_(False)
    fill_seeded(network, "small")
    return network


def test_a_picture_does_not_see_the_others_of_its_batch() -> None:
    network = small()
    pictures = torch.rand(3, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    together = network(normalise(pictures))
    assert together.shape == (3, POINTS, 16, 16)
    # Sums of another order: a thousandth of what the maps spread.
    apart = (network(normalise(pictures[1:2])) - together[1:2]).abs().max()
    assert apart < 1e-3 * together.std()


def test_the_published_file_is_read_strictly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "build_fan", lambda: FAN(stacks=2, width=16, depth=2))
    network = small()
    path = tmp_path / "2DFAN4.pth.tar"
    torch.save(network.state_dict(), path)
    read = files.load_fan(path)
    pictures = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert read.eval()(pictures).equal(network(pictures))
    torch.save({key: value for key, value in network.state_dict().items() if key != "l1.bias"}, path)
    with pytest.raises(UserError, match=r"is not the file of FAN.*l1\.bias"):
        files.load_fan(path)
