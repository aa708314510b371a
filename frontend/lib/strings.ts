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
    startVideo: "Start video",
    startCall: "Start call",
    startWatching: "Watch",
    chooseDevice: "Choose microphone and camera",
    chooseCamera: "Choose a camera",
    cameraOff: "Turn camera off",
    cameraOn: "Turn camera on",
    flip: "Switch to the other camera",
    share: "Share your screen",
    startScreen: "Start with your screen",
    stopSharing: "Stop sharing your screen",
    pictureInPicture: "Picture in picture",
    fullScreen: "Full screen",
    leaveFullScreen: "Leave full screen",
    captions: "Captions",
    quality: "Connection quality",
    more: "More",
    close: "Close",
    hideSelf: "Hide your picture",
    showSelf: "Show your picture",
    moveSelf: "Move your picture: press an arrow key, or drag it",
    wholeTranscript: "Show the whole transcript",
    lastLines: "Show the last lines only",
    send: "Send",
    talk: "Talk",
    stopTalking: "Stop talking",
  },
  muteKeyHint: "M",
  microphones: "Microphones",
  microphoneNumber: (number: number) => `Microphone ${number}`,
  cameraNumber: (number: number) => `Camera ${number}`,
  region: "Voice call",
  you: "You",
  bot: "Reply",
  elapsed: (clock: string) => `Elapsed time ${clock}`,
  remaining: (clock: string) => `${clock} left`,
  cameraKeyHint: "V",
  cameras: "Cameras",
  videoRegion: "Video call",
  askingCamera: "Allow the camera in your browser…",
  askingBoth: "Allow the microphone and the camera in your browser…",
  cameraIsOff: "Your camera is off",
  sharingScreen: "You are sharing your screen",
  yourPicture: "Your picture",
  theirPicture: "Picture of the call",
  soundOnly: "Sound only: no direct connection was possible",
  throughServer: "No direct connection: the sound goes through the server",
  secondsLeft: (seconds: number) => `The call ends in ${seconds} seconds`,
  transcript: "Transcript",
  typeHere: "Type a message, or talk",
  typeOnly: "Type a message",
  quality: {
    good: "Good connection",
    fair: "Fair connection",
    poor: "Poor connection",
    measuring: "Measuring…",
    unknown: "No figures yet",
    roundTrip: "Round trip",
    loss: "Packet loss",
    jitter: "Jitter",
    frameRate: "Frame rate",
    milliseconds: (value: string) => `${value} ms`,
    percent: (value: string) => `${value} %`,
    perSecond: (value: string) => `${value} fps`,
  },
  errors: {
    denied:
      "The microphone is blocked. Allow it in your browser's site settings, then try again.",
    deniedBySystem:
      "Your system blocks the microphone for this browser. Allow it in the system's privacy settings, then try again.",
    noMicrophone: "No microphone was found. Plug one in, then try again.",
    busyMicrophone:
      "The microphone is in use by another program. Close that program, then try again.",
    insecure:
      "Browsers give microphone and camera only to secure pages. Open this page with https:// or on localhost.",
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
    playback:
      "Your browser blocked the sound. Click or tap anywhere on this page to hear it.",
    switchFailed:
      "That microphone could not be opened. The call goes on with the one before.",
    microphoneLost: "The microphone stopped working. Choose another one.",
    deniedCamera:
      "The camera is blocked. Allow it in your browser's site settings, then try again.",
    deniedBoth:
      "The microphone and the camera are blocked. Allow them in your browser's site settings, then try again.",
    deniedCameraBySystem:
      "Your system blocks the camera for this browser. Allow it in the system's privacy settings, then try again.",
    noCamera: "No camera was found. Plug one in, then try again.",
    noDevices:
      "No microphone and no camera were found. Plug one in, then try again.",
    busyCamera:
      "The camera is in use by another program. Close that program, then try again.",
    cameraSwitchFailed:
      "That camera could not be opened. The call goes on with the one before.",
    cameraLost: "The camera stopped working. Choose another one.",
    noOtherCamera: "There is no other camera.",
    withoutCamera: (reason: string) =>
      `The call goes on without a camera. ${reason}`,
    withoutMicrophone: (reason: string) =>
      `The call goes on without a microphone. ${reason}`,
    screenDenied:
      "The screen is not shared: your browser or system does not allow it.",
    screenUnsupported:
      "This browser cannot share the screen. Use one on a computer instead of a phone.",
    noVideo: "This call sends no picture.",
    noCall: "There is no call. Start one, then send.",
    textTooLong: (limit: number) =>
      `That text is too long. At most ${limit} characters can be sent at once.`,
    tooManyTexts: "Too many texts wait for the connection. Try again in a moment.",
    gone: "The connection was lost for too long and the server ended the call. Start a new one.",
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
