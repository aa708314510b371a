/** The keys that do what a button does. */

import type { Action } from "./actions";
import { isTyping } from "./typing";

const KEYS: Readonly<Record<string, Action>> = { m: "microphone", v: "camera" };

/** What a key does; null for other keys, with modifiers, and in text fields. */
export function shortcutOf(event: KeyboardEvent): Action | null {
  const { ctrlKey, metaKey, altKey, repeat } = event;
  if (ctrlKey || metaKey || altKey || repeat || isTyping(event.target)) return null;
  return KEYS[event.key.toLowerCase()] ?? null;
}
