/** The client as views read it: what it changes is drawn anew. */

import { createSubscriber } from "svelte/reactivity";
import type { Caption } from "../lib/captions";
import type { FastRTCClient } from "../lib/client";
import type { CallState } from "../lib/state";

/** Everything of a call that a page shows, and the switches it has. */
export class ObservedCall {
  readonly client: FastRTCClient;
  readonly #follow: () => void;
  readonly #followCaptions: () => void;
  readonly #updates = new Set<() => void>();

  constructor(client: FastRTCClient) {
    this.client = client;
    this.#follow = createSubscriber((update) => {
      this.#updates.add(update);
      client.addEventListener("state", update);
      client.addEventListener("devices", update);
      return () => {
        this.#updates.delete(update);
        client.removeEventListener("state", update);
        client.removeEventListener("devices", update);
      };
    });
    // Words come often: the rest of the page isn't drawn again for them.
    this.#followCaptions = createSubscriber((update) => {
      client.addEventListener("caption", update);
      client.addEventListener("state", update);
      return () => {
        client.removeEventListener("caption", update);
        client.removeEventListener("state", update);
      };
    });
  }

  get state(): CallState {
    return this.#read((client) => client.state);
  }

  get muted(): boolean {
    return this.#read((client) => client.muted);
  }

  get cameraMuted(): boolean {
    return this.#read((client) => client.cameraMuted);
  }

  get speakerMuted(): boolean {
    return this.#read((client) => client.speakerMuted);
  }

  get sharing(): boolean {
    return this.#read((client) => client.sharing);
  }

  get microphoneId(): string | null {
    return this.#read((client) => client.microphoneId);
  }

  get cameraId(): string | null {
    return this.#read((client) => client.cameraId);
  }

  /** The media in this call carries sound alone, though the page may show more. */
  get transport(): "webrtc" | "websocket" {
    return this.#read((client) => client.transport);
  }

  get kinds(): FastRTCClient["kinds"] {
    return this.#read((client) => client.kinds);
  }

  get localStream(): MediaStream | null {
    return this.#read((client) => client.localStream);
  }

  get remoteStream(): MediaStream | null {
    return this.#read((client) => client.remoteStream);
  }

  get captions(): readonly Caption[] {
    this.#followCaptions();
    return this.client.captions;
  }

  toggleMicrophone(): void {
    this.client.mute(!this.client.muted);
    this.changed();
  }

  toggleCamera(): void {
    this.client.muteCamera(!this.client.cameraMuted);
    this.changed();
  }

  toggleSpeaker(): void {
    this.client.muteSpeaker(!this.client.speakerMuted);
    this.changed();
  }

  /** Draw again: something changed of which the client sends no event. */
  changed(): void {
    for (const update of this.#updates) update();
  }

  #read<Value>(get: (client: FastRTCClient) => Value): Value {
    this.#follow();
    return get(this.client);
  }
}
