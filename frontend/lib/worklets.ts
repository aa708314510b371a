/** The audio thread's part of a call over a WebSocket. */

import { CallError } from "./errors";
import { FrameCutter, JitterBuffer, Resampler } from "./pcm";
import { strings } from "./strings";

/** Both ways, as agreed with the server. */
export const RATE_HZ = 24_000;
export const FRAME_MS = 20;
/** Networks deliver TCP in bursts; more would be heard as slow answers. */
export const JITTER_MS = 80;
/** The server paces by playback time, so this is never full in a page that runs. */
export const MAX_BUFFERED_S = 10;

export const CAPTURE = "fastrtc-capture";
export const PLAYBACK = "fastrtc-playback";

/** The module's text; a file of its own would need an address that nobody configured. */
export function workletSource(): string {
  return `
const Resampler = ${Resampler.toString()};
const FrameCutter = ${FrameCutter.toString()};
const JitterBuffer = ${JitterBuffer.toString()};

registerProcessor("${CAPTURE}", class extends AudioWorkletProcessor {
  resampler = new Resampler(sampleRate, ${RATE_HZ});
  cutter = new FrameCutter(${(RATE_HZ * FRAME_MS) / 1000});
  process([input]) {
    if (input.length === 0) return true;
    for (const frame of this.cutter.push(this.resampler.process(input[0])))
      this.port.postMessage(frame.buffer, [frame.buffer]);
    return true;
  }
});

registerProcessor("${PLAYBACK}", class extends AudioWorkletProcessor {
  resampler = new Resampler(${RATE_HZ}, sampleRate);
  buffer = new JitterBuffer(sampleRate * ${JITTER_MS / 1000}, sampleRate * ${MAX_BUFFERED_S});
  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === "clear") {
        this.buffer.clear();
        return;
      }
      const samples = Float32Array.from(new Int16Array(data), (sample) => sample / 32768);
      this.buffer.push(this.resampler.process(samples));
    };
  }
  process(inputs, [output]) {
    this.buffer.pull(output[0]);
    return true;
  }
});
`;
}

/** A context takes each processor's name once. */
const loaded = new WeakMap<AudioContext, Promise<void>>();

/**
 * Make both processors known to a context.
 *
 * @throws CallError the browser has no audio worklets, or the page isn't secure
 */
export function loadWorklets(context: AudioContext): Promise<void> {
  const already = loaded.get(context) ?? addModule(context);
  loaded.set(context, already);
  return already;
}

async function addModule(context: AudioContext): Promise<void> {
  const worklet = (context as { audioWorklet?: AudioWorklet }).audioWorklet;
  if (worklet === undefined)
    throw new CallError("unsupported", strings.errors.unsupported);
  const blob = new Blob([workletSource()], { type: "text/javascript" });
  const url = URL.createObjectURL(blob);
  try {
    await worklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
