"""fastrtc.speech_to_text, and how the weights of models are found."""

from __future__ import annotations

import http.server
import socket
import sys
import threading
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import constants

import fastrtc._hub as hub_module
from fastrtc._hub import model_files, open_session
from fastrtc.errors import ConfigurationError, MissingExtraError, ModelUnavailableError
from fastrtc.speech_to_text import MoonshineSTT, get_stt_model, stt_for_chunks
from fastrtc.speech_to_text.moonshine_graph import DecoderLayout, MoonshineGraph
from fastrtc.speech_to_text.pieces import split_at_quiet

REPOSITORY = "owner/model"
NAMES = ["onnx/first.onnx", "onnx/second.onnx"]
TINY = DecoderLayout(layers=6, heads=8, head_dim=36)
HZ = 16_000


# -- stand-in graphs with the inputs and outputs of the real ones ---------------


def _encoder_graph(onnx: Any) -> Any:
    """Its hidden states are ten times the clip's peak, rounded."""
    h, f32 = onnx.helper, onnx.TensorProto.FLOAT
    shape = onnx.numpy_helper.from_array(np.array([1, 4, 8]), "shape")
    ten = onnx.numpy_helper.from_array(np.array(10, np.float32), "ten")
    return h.make_graph(
        [
            h.make_node("Abs", ["input_values"], ["absolute"]),
            h.make_node("ReduceMax", ["absolute"], ["peak"], keepdims=0),
            h.make_node("Mul", ["peak", "ten"], ["scaled"]),
            h.make_node("Round", ["scaled"], ["rounded"]),
            h.make_node("Expand", ["rounded", "shape"], ["last_hidden_state"]),
        ],
        "encoder",
        [h.make_tensor_value_info("input_values", f32, [1, "n"])],
        [h.make_tensor_value_info("last_hidden_state", f32, [1, 4, 8])],
        [shape, ten],
    )


def _decoder_graph(onnx: Any) -> Any:
    """Says tokens 3, 4, … as many as the hidden states say, then the end token.

    It counts in the decoder's cache, and from the second step on takes the number
    from the encoder's cache, which it gives out right at the first step only: as the
    real one, it answers wrongly unless the caches are carried as they must be.
    """
    h, f32, i64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    names = list(TINY.empty_cache())
    count_in, limit_in = names[0], names[2]

    def constant(name: str, value: Any) -> Any:
        return onnx.numpy_helper.from_array(np.array(value), name)

    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("ReduceSum", [count_in], "count_sum", {"keepdims": 0}),
        ("Div", ["count_sum", "size"], "count", {}),
        ("Add", ["count", "one"], "next", {}),
        ("ReduceMean", ["encoder_hidden_states"], "hidden", {"keepdims": 0}),
        ("ReduceSum", [limit_in], "limit_sum", {"keepdims": 0}),
        ("Div", ["limit_sum", "size"], "kept", {}),
        ("Where", ["use_cache_branch", "kept", "hidden"], "limit", {}),
        ("Where", ["use_cache_branch", "garbage", "hidden"], "given", {}),
        ("Less", ["count", "limit"], "more", {}),
        ("Add", ["count", "three"], "word", {}),
        ("Where", ["more", "word", "two"], "token", {}),
        ("Cast", ["token"], "index", {"to": i64}),
        ("OneHot", ["index", "depth", "levels"], "one_hot", {"axis": -1}),
        ("Reshape", ["one_hot", "logits_shape"], "logits", {}),
    ]
    presents: list[str] = []
    for position, name in enumerate(names):
        source = {0: "next", 2: "given"}.get(position, "one")
        presents.append(name.replace("past_key_values", "present"))
        nodes.append(("Expand", [source, "cache_shape"], presents[-1], {}))
    cache = ["a", TINY.heads, "b", TINY.head_dim]
    info = h.make_tensor_value_info
    return h.make_graph(
        [h.make_node(op, ins, [out], **extra) for op, ins, out, extra in nodes],
        "decoder",
        [
            info("input_ids", i64, [1, "n"]),
            info("encoder_hidden_states", f32, [1, "t", 8]),
            info("use_cache_branch", onnx.TensorProto.BOOL, [1]),
            *(info(name, f32, cache) for name in names),
        ],
        [
            info("logits", f32, [1, 1, 64]),
            *(info(name, f32, cache) for name in presents),
        ],
        [
            constant("size", np.float32(TINY.heads * TINY.head_dim)),
            constant("one", np.float32(1)),
            constant("two", np.float32(2)),
            constant("three", np.float32(3)),
            constant("garbage", np.float32(-1000)),
            constant("depth", 64),
            constant("levels", np.array([0, 1], np.float32)),
            constant("logits_shape", [1, 1, 64]),
            constant("cache_shape", [1, TINY.heads, 1, TINY.head_dim]),
        ],
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins for the weights of moonshine/tiny."""
    onnx: Any = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("moonshine")
    for name, graph in (
        ("encoder_model.onnx", _encoder_graph(onnx)),
        ("decoder_model_merged.onnx", _decoder_graph(onnx)),
    ):
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
        )
        onnx.checker.check_model(model)
        onnx.save(model, str(folder / name))
    return folder


@pytest.fixture
def tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stt extra's library with a tokenizer that writes tokens as words."""

    class Words:
        def decode_batch(self, tokens: list[list[int]]) -> list[str]:
            return [" ".join(f"w{token}" for token in tokens[0] if token > 2)]

    library: Any = types.ModuleType("moonshine_onnx")
    library.load_tokenizer = Words
    monkeypatch.setitem(sys.modules, "moonshine_onnx", library)


@pytest.fixture
def model(weights: Path, tokenizer: None) -> MoonshineSTT:
    return MoonshineSTT("moonshine/tiny", models_dir=weights)


def _tone(peak: float, seconds: float, sample_rate_hz: int = HZ) -> Any:
    """A sine wave whose peak is between two of the stand-in's words."""
    time_s = np.arange(int(seconds * sample_rate_hz)) / sample_rate_hz
    return (peak * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)


# -- transcribing ---------------------------------------------------------------


def test_a_clip_becomes_its_words(model: MoonshineSTT) -> None:
    """Otherwise the agent hears something else than what was said."""
    assert model.stt((HZ, _tone(0.3, 2.0))) == "w3 w4 w5"
    assert model.stt((HZ, _tone(0.5, 2.0))) == "w3 w4 w5 w6 w7"


@pytest.mark.parametrize("sample_rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_every_form_of_audio_is_taken(model: MoonshineSTT, sample_rate_hz: int) -> None:
    """Otherwise audio that a handler receives has to be converted first."""
    mono = _tone(0.3, 1.0, sample_rate_hz)
    int16 = (mono * 32767).astype(np.int16)
    for array in (mono, mono[None], np.stack([mono, mono]), int16, int16[None]):
        assert model.stt((sample_rate_hz, array)) == "w3 w4 w5"


def test_audio_too_short_for_a_word_gives_no_text(model: MoonshineSTT) -> None:
    """Otherwise a click at the microphone ends the reply with an exception."""
    assert model.stt((HZ, np.zeros(0, np.int16))) == ""
    assert model.stt((48_000, np.zeros((1, 0), np.int16))) == ""
    assert model.stt((HZ, _tone(0.3, 0.05))) == ""


def test_a_clip_of_over_a_minute_is_transcribed_whole(model: MoonshineSTT) -> None:
    """Otherwise long dictations fail or lose their end."""
    loud, quiet = _tone(0.2, 24.0), np.zeros(2 * HZ, np.float32)
    clip = np.concatenate([loud, quiet, loud, quiet, loud])
    assert model.stt((HZ, clip)) == "w3 w4 w3 w4 w3 w4"


def test_a_model_that_repeats_itself_is_stopped(model: MoonshineSTT) -> None:
    """Otherwise noise of half a second becomes a page of the same word."""
    words = model.stt((HZ, _tone(0.9, 0.5))).split()
    assert len(words) == 4  # of 9: half a second has room for no more


def test_cuts_are_made_where_it_is_quiet() -> None:
    """Otherwise words at the cuts of a long clip are lost."""
    clip = np.ones(10 * HZ, np.float32)
    clip[int(3.2 * HZ) : int(3.5 * HZ)] = 0.01
    pieces = split_at_quiet(clip, 4 * HZ, 2 * HZ)
    assert 3.2 * HZ <= pieces[0].size <= 3.5 * HZ
    assert max(piece.size for piece in pieces) <= 4 * HZ
    np.testing.assert_array_equal(np.concatenate(pieces), clip)


def test_the_library_and_this_decoder_agree(weights: Path) -> None:
    """Otherwise words differ from those of Moonshine's own decoder."""
    library: Any = pytest.importorskip("moonshine_onnx")
    theirs = library.MoonshineOnnxModel(models_dir=str(weights), model_name="tiny")
    ours = MoonshineGraph(
        open_session(weights / "encoder_model.onnx", 1),
        open_session(weights / "decoder_model_merged.onnx", 1),
        TINY,
    )
    for peak in (0.0, 0.1, 0.7):
        audio = _tone(peak, 1.0)[None]
        assert ours.generate(audio) == theirs.generate(audio)
    assert library.load_tokenizer().decode_batch([[1, 2]]) == [""]


def test_chunks_are_joined(model: MoonshineSTT) -> None:
    """Otherwise stop words are looked for in the silence between the words too."""
    clip = np.concatenate([_tone(0.1, 1.0), np.zeros(HZ, np.float32), _tone(0.2, 1.0)])
    chunks: Any = [
        {"start": 0, "end": HZ},
        {"start": HZ, "end": 2 * HZ},
        {"start": 2 * HZ, "end": 3 * HZ},
    ]
    for array in (clip, clip[None]):
        assert stt_for_chunks(model, (HZ, array), chunks) == "w3 w3 w4"


# -- loading --------------------------------------------------------------------


def test_a_model_is_loaded_once(weights: Path, tokenizer: None) -> None:
    """Otherwise every session costs seconds and 250 MB."""
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(get_stt_model, "moonshine/tiny", models_dir=weights)
            for _ in range(8)
        ]
    assert len({id(call.result()) for call in calls}) == 1


def test_a_wrong_name_is_told() -> None:
    """Otherwise a typing error shows as a failed download."""
    wrong: Any = "moonshine/huge"
    with pytest.raises(ConfigurationError, match="moonshine/base"):
        MoonshineSTT(wrong)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise users don't know what to install."""
    monkeypatch.setitem(sys.modules, "moonshine_onnx", None)
    with pytest.raises(MissingExtraError, match=r"fastrtc\[stt\]"):
        get_stt_model()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Otherwise a half download is an unreadable error until it is found by hand."""
    path = tmp_path / "encoder_model.onnx"
    path.write_bytes(b"<html>")
    with pytest.raises(ModelUnavailableError, match=r"encoder_model\.onnx"):
        open_session(path, 1)


# -- where weights come from ----------------------------------------------------


class _HubHandler(http.server.BaseHTTPRequestHandler):
    """One repository of the hub, whose files hold their own names."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        name = self.path.partition("/resolve/main/")[2]
        body = name.encode()
        self.send_response(200 if name in NAMES else 404)
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{name.replace("/", "-")}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, and a hub that nothing may be asked of."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("FASTRTC_MODELS_DIR", str(tmp_path / "placed"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    _use_hub(monkeypatch, "http://127.0.0.1:1")
    return tmp_path


@pytest.fixture
def hub(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that is there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _HubHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    _use_hub(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def _use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + template)


def _no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any) -> str:
        raise AssertionError("huggingface_hub was asked to download")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)


@pytest.mark.usefixtures("hub")
def test_weights_are_downloaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the first run fails, or every start downloads 250 MB."""
    first = model_files(REPOSITORY, NAMES)
    assert [path.read_text() for path in first] == NAMES
    _use_hub(monkeypatch, "http://127.0.0.1:1")
    _no_download(monkeypatch)
    assert model_files(REPOSITORY, NAMES) == first


@pytest.mark.usefixtures("hub")
def test_a_failed_download_says_what_to_do() -> None:
    """Otherwise users read the trace of a library they never called."""
    with pytest.raises(ModelUnavailableError, match=r"absent\.onnx") as caught:
        model_files(REPOSITORY, ["onnx/absent.onnx"])
    assert "downloading failed" in str(caught.value)


def test_an_unreachable_hub_is_told_with_the_way_out(
    caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a start without network hangs for 23 s and names no file."""
    _no_download(monkeypatch)
    with pytest.raises(ModelUnavailableError) as caught:
        model_files(REPOSITORY, NAMES)
    for name in NAMES:
        assert f"/{REPOSITORY}/resolve/main/{name}" in str(caught.value)
        assert str(caches / "placed" / REPOSITORY / name) in str(caught.value)


@pytest.mark.usefixtures("caches")
def test_a_silent_hub_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a firewall that drops packets makes the start hang."""
    _no_download(monkeypatch)
    monkeypatch.setattr(hub_module, "REACHABILITY_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _use_hub(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ModelUnavailableError, match="can't be reached"):
            model_files(REPOSITORY, NAMES)


@pytest.mark.usefixtures("hub")
def test_offline_mode_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise machines that must not call out do."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    _no_download(monkeypatch)
    with pytest.raises(ModelUnavailableError, match="HF_HUB_OFFLINE"):
        model_files(REPOSITORY, NAMES)


def test_files_put_in_place_by_hand_are_found(caches: Path) -> None:
    """Otherwise the advice of the error leads nowhere."""
    paths = [caches / "placed" / REPOSITORY / name for name in NAMES]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert model_files(REPOSITORY, NAMES) == paths


def test_a_folder_that_lacks_a_file_is_told(tmp_path: Path) -> None:
    """Otherwise users don't know what their models_dir lacks."""
    (tmp_path / "first.onnx").touch()
    with pytest.raises(ModelUnavailableError, match=r"lacks second\.onnx"):
        model_files(REPOSITORY, NAMES, tmp_path)
