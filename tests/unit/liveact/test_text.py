"""The text encoder: prompts, tokens, rows, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from liveact_eval.liveact.config import TextConfig
from liveact_eval.liveact.encoders import text
from liveact_eval.liveact.encoders.prompt import clean_prompt
from liveact_eval.liveact.encoders.text import TextEncoder, cut_rows, pad_rows
from liveact_eval.liveact.encoders.tokenizer import find_tokenizer, open_tokenizer
from liveact_eval.liveact.errors import LiveActError, WeightsError
from liveact_eval.liveact.weights import fill_random
from tests.unit.parity.folder import official_text

CONFIG = TextConfig(
    vocab=384, dim=16, dim_attn=24, dim_ffn=32, num_heads=2, num_layers=2, length=20, tokenizer="bytes"
)


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    module = text.build(CONFIG)
    fill_random(module, 1)
    return TextEncoder(module, CONFIG, open_tokenizer(CONFIG, None))


def write_tokenizer(folder: Path) -> Path:
    """A word tokenizer in files as the published one has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True)
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3, "man": 4, "speaks": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        (" a \n\t b ", "a b"),
        ("&amp;lt;b&amp;gt;", "<b>"),
        ("“x”", '"x"'),
        ("", ""),
        ("Â£", "£"),
        ("<i> &amp;amp;", "<i> &"),
    ],
)
def test_prompts_are_cleaned(given: str, clean: str) -> None:
    assert clean_prompt(given) == clean


def test_bytes_end_with_one_token_and_stay_in_the_vocabulary() -> None:
    ids, mask = open_tokenizer(CONFIG, None)(["", "ab", "\U0010ffff<extra_id_7>" * 9])
    assert ids[0].tolist()[:2] == [1, 0]
    assert ids[1].tolist()[:4] == [100, 101, 1, 0]
    assert (ids.shape, int(ids[2, -1])) == ((3, 20), 1)
    assert int(ids.max()) < 259
    assert mask.sum(dim=1).tolist() == [1, 3, 20]


def test_rows_do_not_depend_on_the_batch(encoder: TextEncoder) -> None:
    prompts = ["", "hello", "a much longer prompt than fits"]
    together = encoder.encode(prompts)
    assert [tuple(rows.shape) for rows in together] == [(1, 16), (6, 16), (20, 16)]
    for prompt, rows in zip(prompts, together, strict=True):
        torch.testing.assert_close(encoder.encode([prompt])[0], rows, rtol=0, atol=1e-5)
    assert encoder.encode([]) == []
    assert torch.equal(encoder.encode(["&lt;  a"])[0], encoder.encode(["< a"])[0])


def test_every_block_has_its_own_positions(encoder: TextEncoder) -> None:
    tables = [
        block.layer[0].SelfAttention.relative_attention_bias.weight for block in encoder.module.encoder.block
    ]
    assert not torch.equal(tables[0], tables[1])


def test_cut_and_pad() -> None:
    hidden = torch.arange(12.0).view(2, 3, 2) + 1
    rows = cut_rows(hidden, torch.tensor([[1, 0, 0], [1, 1, 1]]))
    assert [len(one) for one in rows] == [1, 3]
    padded = pad_rows(rows, 4)
    assert padded.shape == (2, 4, 2)
    assert not padded[0, 1:].any()
    assert torch.equal(padded[1, :3], hidden[1])
    with pytest.raises(LiveActError, match="3 text rows do not fit into 2"):
        pad_rows(rows, 2)


def test_loads_official_and_own_names(encoder: TextEncoder, tmp_path: Path) -> None:
    torch.save(official_text(encoder.module), tmp_path / "official.pth")
    own = {name: tensor for name, tensor in encoder.module.state_dict().items() if "embed_tokens" not in name}
    save_file(own, tmp_path / "own.safetensors")
    for name in ("official.pth", "own.safetensors"):
        loaded = text.load(tmp_path / name, CONFIG)
        assert loaded.module.shared.weight is loaded.module.encoder.embed_tokens.weight
        assert not loaded.module.training
        assert torch.equal(loaded.encode(["hello"])[0], encoder.encode(["hello"])[0])
    half = text.load(tmp_path / "official.pth", CONFIG, dtype=torch.bfloat16)
    assert half.encode(["hello"])[0].dtype == torch.bfloat16


def test_names_what_a_file_lacks(encoder: TextEncoder, tmp_path: Path) -> None:
    state = official_text(encoder.module)
    del state["blocks.1.pos_embedding.embedding.weight"]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(
        WeightsError, match=r"encoder\.block\.1\.layer\.0\.SelfAttention\.relative_attention_bias"
    ):
        text.load(tmp_path / "short.safetensors", CONFIG)


def test_tokenizer_files_are_found_beside_the_weights(encoder: TextEncoder, tmp_path: Path) -> None:
    config = TextConfig(vocab=384, dim=16, dim_attn=24, dim_ffn=32, num_heads=2, num_layers=2, length=4)
    weights = tmp_path / "models_t5.safetensors"
    save_file(official_text(encoder.module), weights)
    with pytest.raises(LiveActError, match=r"No tokenizer of the text encoder: looked for tokenizer\.json"):
        text.load(weights, config)
    folder = write_tokenizer(tmp_path / "google" / "umt5-xxl")
    assert find_tokenizer(weights) == folder
    ids, mask = open_tokenizer(config, folder)(["a  man", "a man speaks a lot"])
    assert ids.tolist() == [[3, 4, 1, 0], [3, 4, 5, 1]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert text.load(weights, config).encode(["a man"])[0].shape == (3, 16)


def test_tokenizers_that_cannot_be_used(tmp_path: Path) -> None:
    small = TextConfig(vocab=100, tokenizer="bytes")
    with pytest.raises(LiveActError, match="needs a vocabulary of 259; it is 100"):
        open_tokenizer(small, None)
    with pytest.raises(LiveActError, match="known: bytes, umt5"):
        open_tokenizer(TextConfig(tokenizer="words"), None)
    with pytest.raises(LiveActError, match="needs its files"):
        open_tokenizer(TextConfig(), tmp_path)
    folder = write_tokenizer(tmp_path / "good")
    with pytest.raises(LiveActError, match="not of the same model"):
        open_tokenizer(TextConfig(vocab=4), folder)(["man"])
    (folder / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(LiveActError, match="Cannot read the tokenizer"):
        open_tokenizer(TextConfig(), folder)


def test_refusals(encoder: TextEncoder) -> None:
    with pytest.raises(LiveActError, match="expected a sequence"):
        encoder.encode("hello")
    with pytest.raises(LiveActError, match="the vocabulary is 0 to 383"):
        encoder.encode_ids(torch.tensor([[384]]), torch.ones(1, 1))
    with pytest.raises(LiveActError, match="twice"):
        encoder.encode_ids(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 3))
    with pytest.raises(LiveActError, match="no tokenizer"):
        TextEncoder(encoder.module, CONFIG, None).encode(["x"])
    with pytest.raises(LiveActError, match="no multiple of its 5 heads"):
        text.build(TextConfig(dim_attn=24, num_heads=5))
