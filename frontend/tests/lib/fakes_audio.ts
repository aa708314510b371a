/** Web Audio and WebSockets without a device or a network. */

import { vi } from "vitest";
import { FakeStream, FakeTrack } from "./fakes";

export class FakeNode {
  static made: FakeNode[] = [];
  readonly connectedTo: unknown[] = [];
  disconnected = false;

  constructor() {
    FakeNode.made.push(this);
  }

  connect = (other: unknown) => void this.connectedTo.push(other);
  disconnect = () => {
    this.disconnected = true;
  };
}

export class FakeSourceNode extends FakeNode {
  constructor(
    _context: unknown,
    readonly options: { mediaStream: FakeStream },
  ) {
    super();
  }
}

export class FakeSpeakerNode extends FakeNode {
  readonly stream = new FakeStream([new FakeTrack("audio", "bot")]);
}

export class FakeWorkletNode extends FakeNode {
  readonly posted: unknown[] = [];
  readonly port = {
    onmessage: null as ((event: { data: unknown }) => void) | null,
    postMessage: (data: unknown) => void this.posted.push(data),
  };

  constructor(
    _context: unknown,
    readonly processor: string,
  ) {
    super();
  }
}

export class FakeAudioContext {
  state = "running";
  readonly addModule = vi.fn(() => Promise.resolve());
  readonly audioWorklet = { addModule: this.addModule };
  readonly sampleRate = 48_000;
  resume = () => Promise.resolve();
  close = () => Promise.resolve();
}

class FakeAnalyser extends FakeNode {
  readonly fftSize = 1024;
  readonly frequencyBinCount = 512;
  getFloatTimeDomainData = () => undefined;
  getByteFrequencyData = () => undefined;
}

export class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  static get last(): FakeSocket {
    const last = FakeSocket.made.at(-1);
    if (last === undefined) throw new Error("no socket was made");
    return last;
  }

  readyState = 0;
  bufferedAmount = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: unknown[] = [];
  closedWith: number | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send = (frame: unknown) => void this.sent.push(frame);
  close = (code: number) => {
    this.readyState = 3;
    this.closedWith = code;
  };

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  play(frame: ArrayBuffer): void {
    this.onmessage?.({ data: frame });
  }

  drop(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** The JSON that was sent. */
  get events(): Record<string, unknown>[] {
    return this.sent
      .filter((frame) => typeof frame === "string")
      .map((frame) => JSON.parse(frame) as Record<string, unknown>);
  }
}

export function installAudio(): void {
  FakeNode.made = [];
  FakeSocket.made = [];
  vi.stubGlobal("AudioContext", FakeAudioContext);
  vi.stubGlobal("AudioWorkletNode", FakeWorkletNode);
  vi.stubGlobal("MediaStreamAudioSourceNode", FakeSourceNode);
  vi.stubGlobal("MediaStreamAudioDestinationNode", FakeSpeakerNode);
  vi.stubGlobal("AnalyserNode", FakeAnalyser);
  vi.stubGlobal("WebSocket", FakeSocket);
}

export function worklet(processor: string): FakeWorkletNode {
  const found = FakeNode.made.findLast(
    (node) => node instanceof FakeWorkletNode && node.processor === processor,
  );
  if (found === undefined) throw new Error(`no ${processor} was made`);
  return found as FakeWorkletNode;
}
