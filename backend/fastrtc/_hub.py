"""Weights of models: where they are found, and how they are opened.

A file is looked for in the models folder, then in the cache of the Hugging Face
hub, and only then downloaded. The models folder is `$FASTRTC_MODELS_DIR` (by
default `fastrtc` in the user's cache folder) and mirrors the hub:
`<owner>/<repository>/<path in the repository>`.
"""

from __future__ import annotations

import importlib
import logging
import os
import queue
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from .errors import ConfigurationError, MissingExtraError, ModelUnavailableError

T = TypeVar("T")

logger = logging.getLogger(__name__)

MODELS_DIR_VARIABLE = "FASTRTC_MODELS_DIR"

REACHABILITY_TIMEOUT_S = 1.5
"""A hub that is there answers within some 200 ms. huggingface_hub alone retries
for over 20 s before it says that it is not."""


class OnnxInput(Protocol):
    """One input of an ONNX graph."""

    @property
    def name(self) -> str: ...


class OnnxSession(Protocol):
    """What is used of `onnxruntime.InferenceSession`, whose own types are partial."""

    def get_inputs(self) -> Sequence[OnnxInput]: ...

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any]
    ) -> Sequence[Any]: ...


class LoadOnce(Generic[T]):
    """Loads each model once a process, whatever the number of threads that ask.

    They wait for the one that loads. Those that ask for another model don't: a voice
    that is there at once is not held up by a download. A load that fails is tried
    again by the next who asks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._loaded: dict[Hashable, T] = {}

    def get(
        self,
        name: tuple[Hashable, ...],
        arguments: Mapping[str, Any],
        load: Callable[[], T],
    ) -> T:
        """The model of this name and these arguments.

        Raises:
            ConfigurationError: an argument is not hashable.
        """
        key = (*name, tuple(sorted(arguments.items(), key=lambda item: item[0])))
        try:
            hash(key)
        except TypeError as error:
            raise ConfigurationError(
                f"A model's arguments are strings, numbers and paths, so that it can "
                f"be loaded once: {error}."
            ) from error
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            if key not in self._loaded:
                self._loaded[key] = load()
            return self._loaded[key]


def check_threads(threads: Any) -> None:
    """Refuse what onnxruntime would take for "as many as there are cores".

    Raises:
        ConfigurationError: it is not a whole number of at least 1.
    """
    if not isinstance(threads, int) or threads < 1:
        raise ConfigurationError(f"threads is a whole number from 1, not {threads!r}.")


def import_extra(module: str, extra: str, needs: str) -> Any:
    """Import a module that an optional dependency brings.

    Args:
        module: its import name.
        extra: the extra of this package that installs it.
        needs: what wants it, as the subject of the error's sentence.

    Raises:
        MissingExtraError: it can't be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(extra, needs) from error


def open_session(path: Path, threads: int) -> OnnxSession:
    """Open an ONNX graph on the CPU.

    Args:
        path: the .onnx file.
        threads: within one run. They sleep between runs: by default onnxruntime's
            spin, which burns more CPU than the models that run often.

    Raises:
        ModelUnavailableError: the file is not an ONNX graph; it names the file.
    """
    onnxruntime: Any = importlib.import_module("onnxruntime")
    kinds: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    damage = cast(
        "tuple[type[Exception], ...]",
        (kinds.Fail, kinds.InvalidGraph, kinds.InvalidProtobuf),
    )
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except damage as error:
        raise ModelUnavailableError(
            f"{path} can't be read as an ONNX model; it may be damaged or only partly "
            f"downloaded. Delete it, so that it is fetched anew."
        ) from error


def model_files(
    repository: str, names: Sequence[str], models_dir: str | Path | None = None
) -> list[Path]:
    """The paths of a model's files, downloaded when they must be.

    Args:
        repository: `owner/name` on the hub.
        names: the files' paths in the repository.
        models_dir: a folder of the user's that holds the files side by side; then
            nothing is looked for elsewhere.

    Raises:
        ModelUnavailableError: some are neither there nor cached nor within reach,
            which is known in less than 2 s; the text names them, and says where to
            get them and where to put them.
    """
    if models_dir is not None:
        return _files_in(Path(models_dir), [Path(name).name for name in names])
    hub: Any = importlib.import_module("huggingface_hub")
    found = {name: _cached(hub, repository, name) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        _check_reach(hub, repository, missing)
    return [path or _download(hub, repository, name) for name, path in found.items()]


def _files_in(folder: Path, names: Sequence[str]) -> list[Path]:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelUnavailableError(
            f"The folder {folder} lacks {' and '.join(missing)}. Put them there, or "
            f"leave models_dir out to have them downloaded."
        )
    return [folder / name for name in names]


def _cached(hub: Any, repository: str, name: str) -> Path | None:
    placed = _placed(repository, name)
    if placed.is_file():
        return placed
    cached = hub.try_to_load_from_cache(repository, name)
    return Path(cached) if isinstance(cached, str) else None


def _check_reach(hub: Any, repository: str, missing: Sequence[str]) -> None:
    constants: Any = importlib.import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        reason = "HF_HUB_OFFLINE forbids downloading"
    else:
        unreachable = _unreachable(str(hub.hf_hub_url(repository, missing[0])))
        if unreachable is None:
            return
        reason = f"the hub can't be reached ({unreachable})"
    raise _unavailable(hub, repository, missing, reason)


def _download(hub: Any, repository: str, name: str) -> Path:
    # In a terminal huggingface_hub shows a progress bar. Elsewhere this line is all
    # that tells why the start takes so long, hence a warning.
    logger.warning("Downloading %s of %s, once", name, repository)
    try:
        return Path(hub.hf_hub_download(repository, name))
    # Its HTTP library, and with it the errors, differs from version to version;
    # what the user can do about any of them is the same.
    except Exception as error:
        reason = f"downloading failed ({type(error).__name__}: {error})"
        raise _unavailable(hub, repository, [name], reason) from error


def _unavailable(
    hub: Any, repository: str, names: Sequence[str], reason: str
) -> ModelUnavailableError:
    files = " and ".join(Path(name).name for name in names)
    steps = "".join(
        f"\n  {hub.hf_hub_url(repository, name)}\n    -> {_placed(repository, name)}"
        for name in names
    )
    return ModelUnavailableError(
        f"Not cached: {files} of {repository}, and {reason}. Download on a machine "
        f"with a connection and put here (another folder: {MODELS_DIR_VARIABLE}):"
        f"{steps}"
    )


def _placed(repository: str, name: str) -> Path:
    """Where users put a file by hand."""
    folder = os.environ.get(MODELS_DIR_VARIABLE)
    if not folder:
        caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        folder = os.path.join(caches, "fastrtc")
    return Path(folder) / repository / name


def _unreachable(url: str) -> str | None:
    """Why the hub can't be reached, None when it can."""
    answers: queue.Queue[str | None] = queue.Queue(maxsize=1)
    # In a thread of its own, since resolving a name has no timeout.
    threading.Thread(
        target=_ask, args=(url, answers), name="fastrtc-hub-check", daemon=True
    ).start()
    try:
        return answers.get(timeout=REACHABILITY_TIMEOUT_S)
    except queue.Empty:
        return f"no answer in {REACHABILITY_TIMEOUT_S} s"


def _ask(url: str, answers: queue.Queue[str | None]) -> None:
    import httpx

    reason: str | None = None
    try:
        status = httpx.head(url, timeout=REACHABILITY_TIMEOUT_S).status_code
        # Refusals below 500 are left to huggingface_hub: it has the user's token.
        if status >= 500:
            reason = f"HTTP {status}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        reason = str(error) or type(error).__name__
    answers.put(reason)
