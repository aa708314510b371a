/** What the component and its Python side tell each other in the component's value. */

/** A string that starts like this asks the page to call; what follows is random. */
const START = "__webrtc_start__";

/** The value in the textbox variant; see `fastrtc.WebRTCData`. */
export interface TextValue {
  webrtc_id: string;
  textbox: string;
  audio: null;
}

export type Value = string | TextValue | null;

export function textValue(webrtcId: string, text: string): TextValue {
  return { webrtc_id: webrtcId, textbox: text, audio: null };
}

/** Tells each new request to call once. */
export class StartRequests {
  #last: string | null = null;

  /** True when this value asks for a call and hasn't been seen before. */
  isNew(value: Value | undefined): boolean {
    if (typeof value !== "string" || !value.startsWith(START)) return false;
    const isNew = value !== this.#last;
    this.#last = value;
    return isNew;
  }
}
