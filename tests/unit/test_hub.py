"""fastrtc._hub: how the weights of models are found, and loaded once."""

from __future__ import annotations

import http.server
import io
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

import fastrtc._hub as hub_module
from fastrtc._hub import LoadOnce, model_files
from fastrtc.errors import ConfigurationError, ModelUnavailableError

REPOSITORY = "owner/model"
NAMES = ["onnx/first.onnx", "onnx/second.onnx"]


# -- loading once ---------------------------------------------------------------


def test_threads_that_ask_at_once_cause_one_load() -> None:
    """Otherwise every session costs seconds and 250 MB."""
    models: LoadOnce[object] = LoadOnce()
    asked = threading.Barrier(8)
    loads: list[int] = []

    def load() -> object:
        loads.append(1)
        return object()

    def ask(_: int) -> object:
        asked.wait()
        return models.get(("m",), {"threads": 1, "models_dir": "/x"}, load)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, range(8)))
    assert len(loads) == 1
    assert len(set(map(id, got))) == 1
    # The order of the arguments doesn't matter, their values do.
    assert models.get(("m",), {"models_dir": "/x", "threads": 1}, load) is got[0]
    assert models.get(("m",), {"models_dir": "/x", "threads": 2}, load) is not got[0]


def test_a_slow_download_holds_up_no_other_model() -> None:
    """Otherwise a voice that is there is silent while another one is downloaded."""
    models: LoadOnce[str] = LoadOnce()
    begun, done = threading.Event(), threading.Event()

    def slowly() -> str:
        begun.set()
        assert done.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(models.get, ("slow",), {}, slowly)
        assert begun.wait(10)
        assert models.get(("quick",), {}, lambda: "quick") == "quick"
        assert not slow.done()
        done.set()
        assert slow.result() == "slow"


def test_a_load_that_failed_is_tried_again() -> None:
    """Otherwise one lost connection at the start is for ever."""
    models: LoadOnce[str] = LoadOnce()

    def fail() -> str:
        raise ModelUnavailableError("out of reach")

    with pytest.raises(ModelUnavailableError):
        models.get(("m",), {}, fail)
    assert models.get(("m",), {}, lambda: "there") == "there"


def test_arguments_that_can_not_be_compared_are_told() -> None:
    """Otherwise a list among the arguments is a riddle about hashes."""
    models: LoadOnce[str] = LoadOnce()
    with pytest.raises(ConfigurationError, match="strings, numbers and paths"):
        models.get(("m",), {"models_dir": ["a"]}, lambda: "")


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
def test_a_download_shows_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise the first start looks as if it hung, for minutes."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "100")
    with caplog.at_level(logging.WARNING, "fastrtc"):
        model_files(REPOSITORY, NAMES[:1])
    assert "100%" in screen.getvalue()
    assert "first.onnx" in screen.getvalue()
    # Where there is no terminal, the log tells.
    assert "Downloading onnx/first.onnx of owner/model" in caplog.text


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
    begun_s = time.monotonic()
    with pytest.raises(ModelUnavailableError) as caught:
        model_files(REPOSITORY, NAMES)
    assert time.monotonic() - begun_s < 2.0
    for name in NAMES:
        assert f"/{REPOSITORY}/resolve/main/{name}" in str(caught.value)
        assert str(caches / "placed" / REPOSITORY / name) in str(caught.value)


@pytest.mark.usefixtures("caches")
def test_a_silent_hub_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a firewall that drops packets makes the start hang."""
    _no_download(monkeypatch)
    assert hub_module.REACHABILITY_TIMEOUT_S < 2.0
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
