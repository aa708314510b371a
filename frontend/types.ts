import type { Modality } from "./components/layouts";
import type { ButtonLabels } from "./components/look";
import type { Value } from "./components/protocol";
import type { TrackConstraints } from "./lib/devices";
import type { Mode } from "./lib/peer";

/** What the Python component sends; see `fastrtc.WebRTC`. */
export interface Props {
  /**
   * The name of the call, which picks the inputs and outputs of this visitor; in the
   * textbox variant that and what was typed. The program may set it to a request to
   * call, see `StartRequests`.
   */
  value: Value;
  mode: Mode;
  modality: Modality;
  track_constraints: TrackConstraints | null;
  rtp_params: Partial<RTCRtpSendParameters> | null;
  mirror_webcam: boolean;
  /** A file as Gradio serves it, or a URL from elsewhere in the same form. */
  icon: { url: string } | null;
  icon_button_color: string | null;
  pulse_color: string | null;
  /** Percent. */
  icon_radius: number | null;
  button_labels: ButtonLabels | null;
  variant: "wave" | "textbox" | null;
  full_screen: boolean | null;
  height: number | string | null;
  width: number | string | null;
  /** Seconds. */
  time_limit: number | null;
}

export interface Events {
  tick: never;
  state_change: never;
  submit: never;
  start_recording: never;
  stop_recording: never;
  error: string;
  warning: string;
  info: string;
}
