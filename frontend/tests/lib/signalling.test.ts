import { afterEach, describe, expect, it, vi } from "vitest";
import { GradioSignalling } from "../../lib/gradio_signalling";
import {
  HttpSignalling,
  readAnswer,
  readConfiguration,
} from "../../lib/signalling";
import { settle } from "./fakes";

afterEach(() => {
  vi.unstubAllGlobals();
});

const ANSWER = { sdp: "v=0", type: "answer" };

function stubFetch(reply: () => Promise<unknown>) {
  const spy = vi.fn(reply);
  vi.stubGlobal("fetch", spy);
  return spy;
}

function bodies(spy: ReturnType<typeof vi.fn>): unknown[] {
  return spy.mock.calls.map(([, init]) =>
    JSON.parse((init as { body: string }).body),
  );
}

describe("HTTP signalling", () => {
  it("speaks the documented wire", async () => {
    // Otherwise pages of one's own cannot reach the server.
    const spy = stubFetch(() =>
      Promise.resolve({ ok: true, json: () => Promise.resolve(ANSWER) }),
    );
    const signalling = new HttpSignalling("/voice/");
    const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 };
    const { signal } = new AbortController();
    expect(await signalling.offer("id", "v=0", signal)).toEqual(ANSWER);
    await signalling.candidate("id", candidate);
    expect(spy.mock.calls.map((call: unknown[]) => call[0])).toEqual([
      "/voice/webrtc/offer",
      "/voice/webrtc/offer",
    ]);
    expect(bodies(spy)).toEqual([
      { sdp: "v=0", type: "offer", webrtc_id: "id" },
      { type: "ice-candidate", candidate, webrtc_id: "id" },
    ]);
  });

  it("asks to go on later, and goes on by the token it was given", async () => {
    // Otherwise a lost network ends the session on a server that could keep it.
    const resume_token = "secret";
    const spy = stubFetch(() =>
      Promise.resolve({
        ok: true,
        json: () => Promise.resolve({ ...ANSWER, resume_token }),
      }),
    );
    const signalling = new HttpSignalling("");
    const { signal } = new AbortController();
    const wish = { resumable: true, resumeToken: null };
    const { resumeToken } = await signalling.offer("id", "v=0", signal, wish);
    expect(resumeToken).toBe("secret");
    await signalling.offer("id", "v=0", signal, {
      resumable: true,
      resumeToken: "secret",
    });
    await signalling.offer("id", "v=0", signal, { ...wish, resumable: false });
    const offer = { sdp: "v=0", type: "offer", webrtc_id: "id" };
    expect(bodies(spy)).toEqual([
      { ...offer, resumable: true },
      { ...offer, resumable: true, resume_token },
      offer,
    ]);
  });

  it("tells an unreachable server from one that failed", async () => {
    // Otherwise a user without network is sent to read the server's log.
    const signalling = new HttpSignalling("");
    const { signal } = new AbortController();
    stubFetch(() => Promise.reject(new TypeError("Failed to fetch")));
    await expect(signalling.offer("id", "", signal)).rejects.toMatchObject({
      kind: "no-answer",
    });
    stubFetch(() => Promise.resolve({ ok: false }));
    await expect(signalling.offer("id", "", signal)).rejects.toMatchObject({
      kind: "server",
    });
  });

  it("resolves the ICE configuration anew for each call", async () => {
    // Otherwise TURN credentials expire while the page is open.
    let made = 0;
    const signalling = new HttpSignalling("", () => {
      made++;
      return { iceServers: [] };
    });
    await signalling.configuration();
    expect(await signalling.configuration()).toEqual({ iceServers: [] });
    expect(made).toBe(2);
  });
});

describe("replies", () => {
  it("become errors that say what to do", () => {
    // Otherwise refusals look like crashes.
    const meta = { error: "concurrency_limit_reached", limit: 2 };
    expect(() => readAnswer({ status: "failed", meta })).toThrow(/2 places/);
    expect(() =>
      readAnswer({ status: "failed", meta: { error: "unknown_session" } }),
    ).toThrow(/server ended the call/);
    expect(() => readAnswer(undefined)).toThrow(/server failed/);
    expect(() => readAnswer({ error: "Sorry." })).toThrow("Sorry.");
    expect(() => readConfiguration({ error: "no token." })).toThrow(
      /TURN configuration is wrong: no token\. /,
    );
    expect(() => readConfiguration(undefined)).toThrow(/server failed/);
  });
});

describe("Gradio signalling", () => {
  function make(offer: (body: object) => Promise<unknown>) {
    const calls: string[] = [];
    const server = {
      turn: () => Promise.resolve({}),
      offer: vi.fn((body: object) => {
        calls.push("offer");
        return offer(body);
      }),
      hang_up: vi.fn(() => {
        calls.push("hang_up");
        return Promise.resolve({});
      }),
    };
    const signalling = new GradioSignalling({
      server: () => server,
      sessionHash: () => "hash",
      announce: () => {
        calls.push("announce");
        return Promise.resolve();
      },
    });
    return { calls, server, signalling };
  }

  it("sends the inputs before the offer, and the session with it", async () => {
    // Otherwise a handler's first words are spoken without the user's inputs.
    const { calls, server, signalling } = make(() => Promise.resolve(ANSWER));
    await signalling.offer("id", "v=0", new AbortController().signal);
    expect(calls).toEqual(["announce", "offer"]);
    expect(server.offer).toHaveBeenCalledWith({
      sdp: "v=0",
      type: "offer",
      webrtc_id: "id",
      session_hash: "hash",
    });
  });

  it("goes on with a session without sending its inputs again", async () => {
    // Otherwise a moment without network runs the event of the inputs once more.
    const { calls, server, signalling } = make(() => Promise.resolve(ANSWER));
    const wish = { resumable: true, resumeToken: "secret" };
    await signalling.offer("id", "v=0", new AbortController().signal, wish);
    expect(calls).toEqual(["offer"]);
    expect(server.offer.mock.calls[0]?.[0]).toMatchObject({
      resume_token: "secret",
      session_hash: "hash",
    });
  });

  it("has a second way for the sound where the server offers one", async () => {
    // Otherwise a fallback exists and is never used, or is made of an error.
    const { server, signalling } = make(() => Promise.resolve(ANSWER));
    expect(await signalling.fallbackUrl()).toBeNull();
    const replies: unknown[] = [{ url: "/ws" }, { error: "No." }, undefined];
    Object.assign(server, { fallback: () => Promise.resolve(replies.shift()) });
    expect(await signalling.fallbackUrl()).toBe("/ws");
    expect(await signalling.fallbackUrl()).toBeNull();
    expect(await signalling.fallbackUrl()).toBeNull();
  });

  it("hangs up after the offer that is still on its way", async () => {
    // Otherwise a cancelled call keeps its place on the server.
    let answer: (reply: unknown) => void = () => undefined;
    const reply = new Promise((resolve) => (answer = resolve));
    const { calls, signalling } = make(() => reply);
    const offering = signalling.offer("id", "v=0", new AbortController().signal);
    await settle();
    const hangingUp = signalling.hangUp("id");
    await settle();
    expect(calls).toEqual(["announce", "offer"]);
    answer(ANSWER);
    await Promise.all([offering, hangingUp]);
    expect(calls).toEqual(["announce", "offer", "hang_up"]);
  });
});
