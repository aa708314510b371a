/** An EventTarget whose events and their details are known to the compiler. */

export interface TypedTarget<Events> {
  addEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: ((event: CustomEvent<Events[Type]>) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Type extends keyof Events & string>(
    type: Type,
    listener: ((event: CustomEvent<Events[Type]>) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  dispatchEvent(event: Event): boolean;
}

/** The class to extend. */
export function typedEventTarget<Events>(): new () => TypedTarget<Events> {
  return EventTarget as new () => TypedTarget<Events>;
}
