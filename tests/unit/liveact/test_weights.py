"""Reading weight files: layouts, damage, what does not fit, and what must not run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from liveact_eval.liveact.errors import WeightsError
from liveact_eval.liveact.weights import LazyTensor, State, load_into, open_state

Tensors = dict[str, Tensor]


class Net(nn.Module):
    """Two tied tables, a matrix, a saved and an unsaved buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Embedding(5, 4)
        self.inner = nn.Embedding(5, 4)
        self.inner.weight = self.shared.weight
        self.proj = nn.Linear(4, 3)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64, device="cpu"))
        self.register_buffer("grid", torch.arange(3.0, device="cpu"), persistent=False)


def weights() -> Tensors:
    made = torch.Generator().manual_seed(1)
    return {
        "shared.weight": torch.randn(5, 4, generator=made),
        "proj.weight": torch.randn(3, 4, generator=made),
        "proj.bias": torch.randn(3, generator=made),
        "count": torch.tensor(7),
    }


def meta() -> Net:
    with torch.device("meta"):
        return Net()


def load(
    module: nn.Module, state: State | Mapping[str, LazyTensor], dtype: torch.dtype | None = None
) -> None:
    tensors = state.tensors() if isinstance(state, State) else state
    load_into(module, tensors, device="cpu", dtype=dtype, what="net")


def write(folder: Path, tensors: Tensors, name: str) -> Path:
    path = folder / name
    path.write_bytes(safetensors.torch.save(tensors))
    return path


def shards(folder: Path, *, index: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    items = list(weights().items())
    place: dict[str, str] = {}
    for number, part in enumerate((items[:2], items[2:])):
        shard = f"model-{number}.safetensors"
        write(folder, dict(part), shard)
        place |= {name: shard for name, _ in part}
    if index:
        content = json.dumps({"metadata": {"total_size": 1}, "weight_map": place})
        (folder / "model.safetensors.index.json").write_text(content)
    return folder


def equal(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[n], expected[n]) for n in expected)


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "one file": lambda folder: write(folder, weights(), "w.safetensors"),
    "shards with index": lambda folder: shards(folder / "s"),
    "shards without index": lambda folder: shards(folder / "s", index=False),
    "pth": lambda folder: saved(folder / "w.pth", weights()),
    "wrapped": lambda folder: saved(folder / "w.bin", {"state_dict": weights()}),
    "before 1.6": lambda folder: saved(folder / "w.pt", weights(), zipped=False),
    "name that is not UTF-8": lambda folder: write(folder, weights(), os.fsdecode(b"w \n\xff.safetensors")),
    "pth, name that is not UTF-8": lambda folder: saved(folder / os.fsdecode(b"w'\xff.pth"), weights()),
}


def saved(path: Path, content: object, *, zipped: bool = True) -> Path:
    with path.open("wb") as stream:
        torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_gives_the_same(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    state = open_state(layout(tmp_path))
    assert set(state.names()) == set(weights())
    assert {name: tensor.shape for name, tensor in state.tensors().items()} == {
        name: tuple(tensor.shape) for name, tensor in weights().items()
    }
    assert equal({name: tensor.get() for name, tensor in state.tensors().items()}, weights())
    module = meta()
    load(module, state)
    tied = weights() | {"inner.weight": weights()["shared.weight"]}
    assert equal(module.state_dict(), {name: tied[name] for name in module.state_dict()})


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.bfloat16, torch.float8_e4m3fn, torch.int16, torch.bool]
)
def test_dtypes(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.tensor([[0.0, 1.0, 3.0], [4.0, 5.0, 6.0]]).to(dtype)
    path = write(tmp_path, {"a": tensor, "none": tensor[:0]}, "w.safetensors")
    found = open_state(path).tensors()
    assert (found["a"].dtype, found["a"].shape) == (dtype, (2, 3))
    assert torch.equal(found["a"].get().float(), tensor.float())
    assert found["none"].get().shape == (0, 3)


def test_loading_keeps_ties_casts_floats_and_leaves_nothing_on_meta(tmp_path: Path) -> None:
    module = meta()
    module.proj.requires_grad_(False)
    load(module, open_state(write(tmp_path, weights(), "w.safetensors")), torch.bfloat16)
    assert module.inner.weight is module.shared.weight
    assert module.proj.weight.dtype == torch.bfloat16
    assert not module.proj.weight.requires_grad
    assert module.shared.weight.requires_grad
    assert module.count.dtype == torch.int64  # type: ignore[union-attr]
    assert not any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))
    assert module.grid.tolist() == [0, 1, 2]  # type: ignore[operator,union-attr]


def test_buffers_that_no_file_holds_move_along(tmp_path: Path) -> None:
    module = Net()
    tensors = open_state(write(tmp_path, weights(), "w.safetensors")).tensors()
    load_into(module, tensors, device="meta", dtype=None, what="net")
    assert all(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


def test_loaded_weights_do_not_depend_on_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", weights())
    module = meta()
    load(module, open_state(path))
    with path.open("r+b") as stream:
        stream.write(b"\0" * path.stat().st_size)
    assert torch.equal(module.proj.weight, weights()["proj.weight"])


def altered(change: Callable[[Tensors], object]) -> Tensors:
    tensors = weights()
    change(tensors)
    return tensors


@pytest.mark.parametrize(
    ("tensors", "parts"),
    [
        (altered(lambda t: t.pop("proj.bias")), ("1 missing: proj.bias",)),
        (altered(lambda t: t.update(extra=torch.ones(1))), ("1 not known to it: extra",)),
        (
            altered(lambda t: t.update({"proj.weight": torch.ones(4, 3)})),
            ("1 of another shape: proj.weight (4, 3), expected (3, 4)",),
        ),
        (
            altered(lambda t: t.update(count=torch.tensor(1.5))),
            ("1 of another kind: count torch.float32, expected torch.int64",),
        ),
        ({f"module.{n}": t for n, t in weights().items()}, ("4 missing", "begin with 'module.'")),
        (
            {"blocks.0.self_attn.memory_proj_k.weight": torch.ones(2)},
            ("the DiT of LiveAct", "4 missing: count, shared.weight, proj.weight, and 1 more"),
        ),
        ({"encoder.downsamples.0.gamma": torch.ones(2)}, ("the Wan VAE in its official names",)),
        ({"a.lora_A.weight": torch.ones(2)}, ("LoRA",)),
        ({"wat": torch.ones(2)}, ("'wat'",)),
        ({}, ("It holds no tensors",)),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_loaded(
    tensors: Tensors, parts: tuple[str, ...], tmp_path: Path
) -> None:
    path = write(tmp_path, tensors, "w.safetensors")
    module = meta()
    with pytest.raises(WeightsError) as error:
        load(module, open_state(path))
    for part in ("do not fit the net", *parts):
        assert part in str(error.value)
    assert all(parameter.is_meta for parameter in module.parameters())


@pytest.mark.parametrize("built", [meta, Net], ids=["meta", "real"])
def test_a_failure_while_reading_leaves_the_module_as_it_was(
    built: Callable[[], Net], tmp_path: Path
) -> None:
    path = write(tmp_path, weights(), "w.safetensors")
    state = open_state(path)
    os.truncate(path, path.stat().st_size - 4)
    module = built()
    before = dict(module.state_dict(keep_vars=True))
    values = {name: tensor.clone() for name, tensor in before.items()}
    with pytest.raises(WeightsError, match="is cut short"):
        load(module, state)
    after = module.state_dict(keep_vars=True)
    assert all(after[name] is before[name] for name in before)
    assert built is meta or equal(module.state_dict(), values)


def test_a_buffer_that_no_file_holds_must_not_be_on_meta(tmp_path: Path) -> None:
    module = meta()
    module.register_buffer("grid", torch.empty(3, device="meta"), persistent=False)
    with pytest.raises(WeightsError, match="buffers on the meta device that no file holds: grid"):
        load(module, open_state(write(tmp_path, weights(), "w.safetensors")))


def spoilt_header(raw: bytes, change: Callable[[dict[str, dict[str, object]]], object]) -> bytes:
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    change(header)
    new = json.dumps(header).encode()
    return len(new).to_bytes(8, "little") + new + raw[8 + length :]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: b"", "0 bytes"),
        (lambda raw: raw[:30], "no safetensors file, or cut short"),
        (lambda raw: raw[:-1], "is cut short: "),
        (lambda raw: raw + b"!", "longer than its header says"),
        (lambda raw: b"<html>no such file, ask again</html>" * 9, "no safetensors file"),
        (lambda raw: raw[:8] + b"\xff" + raw[9:], "header is not JSON"),
        (lambda raw: (2).to_bytes(8, "little") + b"[]", "header is not a table"),
        (
            lambda raw: spoilt_header(raw, lambda h: h["count"].update(dtype="Q9")),
            "count has dtype Q9, known are",
        ),
        (lambda raw: spoilt_header(raw, lambda h: h["count"].update(shape=[-1])), r"count has shape \[-1\]"),
        (
            lambda raw: spoilt_header(raw, lambda h: h["count"].update(shape=[9])),
            r"shape \(9,\) of I64 takes 72 bytes",
        ),
        (lambda raw: spoilt_header(raw, lambda h: h["count"].update(shape=None)), "not described"),
        (lambda raw: spoilt_header(raw, lambda h: h["count"].update(data_offsets=[-8, 0])), "bytes -8 to 0"),
    ],
)
def test_damaged_safetensors(spoil: Callable[[bytes], bytes], message: str, tmp_path: Path) -> None:
    path = write(tmp_path, weights(), "w.safetensors")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(WeightsError, match=message):
        open_state(path)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("way", ["zip", "before 1.6", "plain pickle"])
def test_no_file_runs_code(way: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    content = {"proj.weight": torch.ones(1), "evil": Evil(ran)}
    path = tmp_path / "w.pth"
    if way == "plain pickle":
        path.write_bytes(pickle.dumps({"evil": Evil(ran)}, protocol=2))
    else:
        saved(path, content, zipped=way == "zip")
    with pytest.raises(WeightsError, match="run code that lies in it, so it is not read"):
        open_state(path)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"generator": weights(), "critic": weights()},
            "more than one table of tensors: generator .dict., critic",
        ),
        ({"model": {"model": weights()}}, "more than one table"),
        ({"model": weights() | {"step": 3}}, "step .int."),
        ([torch.ones(1)], "holds a list, expected tensors by name"),
        ({"other": weights()}, "other .dict."),
    ],
)
def test_pth_that_is_no_state(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=message):
        open_state(saved(tmp_path / "w.pth", content))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [True, False])
def test_pth_cut_short(keep: float, zipped: bool, tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", weights(), zipped=zipped)
    os.truncate(path, int(path.stat().st_size * keep))
    with pytest.raises(WeightsError, match="damaged"):
        open_state(path)


def removed(folder: Path) -> None:
    (folder / "model-1.safetensors").unlink()


def doubled(folder: Path) -> None:
    write(folder, {"proj.bias": torch.ones(3)}, "model-2.safetensors")
    (folder / "model.safetensors.index.json").unlink()


def two_indexes(folder: Path) -> None:
    (folder / "b.safetensors.index.json").write_text("{}")


def index(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "model.safetensors.index.json").write_text(text)


def only_pth(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    saved(folder / "w.pth", weights())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (removed, "1 of 2 shards that model.safetensors.index.json names are not in .*: model-1.safetensors"),
        (doubled, "proj.bias lies in two files .*: model-1.safetensors and model-2.safetensors"),
        (two_indexes, "holds 2 indexes"),
        (index("{"), "is no index of shards"),
        (index("{}"), "no table `weight_map`"),
        (
            index('{"weight_map": {"a": "../model-0.safetensors"}}'),
            "names shards outside its folder: ../model-0",
        ),
        (
            index('{"weight_map": {"wat": "model-0.safetensors"}}'),
            "1 tensors are not where it says.*wat in model-0",
        ),
        (only_pth, "holds no .safetensors file. Name one of its files instead: w.pth"),
    ],
)
def test_folders_that_contradict_themselves(
    spoil: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    folder = shards(tmp_path / "s")
    spoil(folder)
    with pytest.raises(WeightsError, match=message):
        open_state(folder)


def test_an_index_ignores_other_files_of_the_folder(tmp_path: Path) -> None:
    folder = shards(tmp_path / "s")
    write(folder, {"foreign": torch.ones(1)}, "other.safetensors")
    assert set(open_state(folder).names()) == set(weights())


def test_what_is_no_weight_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There are no weights at"):
        open_state(tmp_path / "none.safetensors")
    (tmp_path / "w.ckpt").touch()
    with pytest.raises(WeightsError, match=r"suffix '.ckpt'; expected"):
        open_state(tmp_path / "w.ckpt")


def test_official_names_of_the_reference_weights(shared: Path) -> None:
    """All reference weights are read as the library reads them."""
    for path in sorted((shared / "parity").glob("*/*_weights.safetensors")):
        found = {name: tensor.get() for name, tensor in open_state(path).tensors().items()}
        assert equal(found, safetensors.torch.load_file(path))
