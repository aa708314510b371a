/** Waiting with a bound and a way out. */

/** The promise's result; rejects as soon as the signal is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) {
      onAbort();
      // The late result is nobody's any more, nor is its error.
      promise.catch(() => undefined);
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.then(resolve, reject).then(() => {
      signal.removeEventListener("abort", onAbort);
    });
  });
}

/** The promise's result, or `late()` as the error after that many milliseconds. */
export function within<T>(
  promise: Promise<T>,
  limitMs: number,
  late: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(late());
    }, limitMs);
    void promise.then(resolve, reject).then(() => {
      clearTimeout(timer);
    });
  });
}
