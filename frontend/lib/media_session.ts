/**
 * Tells the system that a call is on: its lock screen and headset keys hang up
 * (Media Session API), and other sound makes way for it (Audio Session API).
 */

import { strings } from "./strings";

/** What a page declares its sound to be; Safari on iOS is the one that asks. */
type AudioUse = "play-and-record" | "playback" | "auto";

interface WithAudioSession {
  audioSession?: { type: AudioUse };
}

/** @returns how to take it back when the call is over */
export function announceCall(records: boolean, hangUp: () => void): () => void {
  useAudio(records ? "play-and-record" : "playback");
  const session = (navigator as { mediaSession?: MediaSession }).mediaSession;
  if (session !== undefined) {
    if (typeof MediaMetadata !== "undefined")
      session.metadata = new MediaMetadata({ title: strings.region });
    session.playbackState = "playing";
    handle(session, hangUp);
  }
  return () => {
    useAudio("auto");
    if (session === undefined) return;
    session.metadata = null;
    session.playbackState = "none";
    handle(session, null);
  };
}

function useAudio(type: AudioUse): void {
  const { audioSession } = navigator as WithAudioSession;
  if (audioSession !== undefined) audioSession.type = type;
}

function handle(session: MediaSession, handler: (() => void) | null): void {
  for (const action of ["hangup", "stop"] as MediaSessionAction[]) {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // A TypeError: this browser doesn't know the action.
    }
  }
}
