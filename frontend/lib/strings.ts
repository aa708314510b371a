/** Every text that a user reads, in one place and ready for translation. */

const english = {
  status: {
    idle: "Ready when you are",
    asking: "Allow the microphone in your browser…",
    connecting: "Connecting…",
    listening: "Listening",
    hearing: "Hearing you",
    thinking: "Thinking",
    speaking: "Speaking",
    reconnecting: "Connection lost. Reconnecting…",
    ended: "Call ended",
    failed: "The call failed",
  },
  muted: "Your microphone is muted",
  connected: "Connected",
  playing: "Playing",
  buttons: {
    start: "Start talking",
    startReceiving: "Listen",
    stop: "Stop",
    waiting: "Cancel",
    again: "Try again",
    cancel: "Cancel the call",
    mute: "Mute microphone",
    unmute: "Unmute microphone",
    silence: "Mute speaker",
    unsilence: "Unmute speaker",
    chooseMicrophone: "Choose a microphone",
  },
  muteKeyHint: "M",
  microphones: "Microphones",
  microphoneNumber: (number: number) => `Microphone ${number}`,
  region: "Voice call",
  you: "You",
  bot: "Reply",
  elapsed: (clock: string) => `Elapsed time ${clock}`,
  remaining: (clock: string) => `${clock} left`,
  errors: {
    denied:
      "The microphone is blocked. Allow it in your browser's site settings, then try again.",
    deniedBySystem:
      "Your system blocks the microphone for this browser. Allow it in the system's privacy settings, then try again.",
    noMicrophone: "No microphone was found. Plug one in, then try again.",
    busyMicrophone:
      "The microphone is in use by another program. Close that program, then try again.",
    insecure:
      "Browsers give the microphone only to secure pages. Open this page with https:// or on localhost.",
    unsupported:
      "This browser cannot make calls. Use a current Chrome, Edge, Firefox or Safari.",
    noRoute:
      "No way to the server was found. Try another network, or ask the site's owner to set up a TURN server.",
    noAnswer: "The server did not answer. Check your connection, then try again.",
    lost: "The connection was lost. Check your network, then try again.",
    limit: (limit: number | null) =>
      limit === null
        ? "All places are taken. Try again in a moment."
        : limit === 1
          ? "Somebody else is on the line, and one call at a time is allowed. Try again in a moment."
          : `All ${limit} places are taken. Try again in a moment.`,
    exists: "This call is already open elsewhere. Try again to start a new one.",
    closed: "The server closed the call. Try again to start a new one.",
    refused: "The server did not accept the call. Reload the page, then try again.",
    server: "The server failed. Try again, or look into the server's log.",
    turn: (reason: string) =>
      `The TURN configuration is wrong: ${reason}. The site's owner must correct rtc_configuration.`,
    playback: "Your browser blocked the sound. Turn the speaker off and on again.",
    switchFailed:
      "That microphone could not be opened. The call goes on with the one before.",
    microphoneLost: "The microphone stopped working. Choose another one.",
  },
};

export type Strings = typeof english;

/** The texts in use. */
export const strings: Strings = english;

/** Replace texts, in part or whole; what isn't named stays English. */
export function translate(texts: {
  [Key in keyof Strings]?: Strings[Key] extends string
    ? string
    : Partial<Strings[Key]>;
}): void {
  for (const [key, text] of Object.entries(texts)) {
    const known = strings[key as keyof Strings];
    const merged =
      typeof known === "object" && typeof text === "object"
        ? { ...known, ...text }
        : text;
    Object.assign(strings, { [key]: merged });
  }
}
