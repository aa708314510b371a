/** How a page wants its call to look. */

export interface ButtonLabels {
  start?: string;
  stop?: string;
  waiting?: string;
}

export interface CallLook {
  labels: ButtonLabels;
  timeLimitSeconds: number | null;
  /** An image in place of the wave, or in the middle of a stage without a picture. */
  icon: string | null;
  iconColour: string | null;
  pulseColour: string | null;
  /** Percent. */
  iconRadius: number;
  fullScreen: boolean;
  /** Of the stage, as CSS; null for what suits the page. */
  height: string | null;
  mirrorWebcam: boolean;
}
