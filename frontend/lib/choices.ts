/** What the user chose: which devices, which side of the phone, what is muted. */

import type { Facing } from "./cameras";
import { forDevice, type MediaKind, type Wishes } from "./devices";

/** Holds from one call to the next. */
export class Choices {
  readonly deviceIds: Record<MediaKind, string | null> = {
    audio: null,
    video: null,
  };
  readonly muted: Record<MediaKind, boolean> = { audio: false, video: false };
  #facing: Facing | null = null;

  get facing(): Facing | null {
    return this.#facing;
  }

  /** @returns how to take the choice back */
  device(kind: MediaKind, deviceId: string | null): () => void {
    const takeBack = this.#remember(kind);
    this.deviceIds[kind] = deviceId;
    if (kind === "video") this.#facing = null;
    return takeBack;
  }

  /** @returns how to take the choice back */
  side(facing: Facing): () => void {
    const takeBack = this.#remember("video");
    this.deviceIds.video = null;
    this.#facing = facing;
    return takeBack;
  }

  /** The program's wishes for one kind, with the user's choice in them. */
  applyTo(wishes: Wishes, kind: MediaKind): MediaTrackConstraints {
    const deviceId = this.deviceIds[kind];
    if (deviceId !== null) return forDevice(wishes[kind], deviceId);
    if (kind === "audio" || this.#facing === null) return wishes[kind];
    return { ...wishes.video, facingMode: { ideal: this.#facing } };
  }

  #remember(kind: MediaKind): () => void {
    const deviceId = this.deviceIds[kind];
    const facing = this.#facing;
    return () => {
      this.deviceIds[kind] = deviceId;
      if (kind === "video") this.#facing = facing;
    };
  }
}
