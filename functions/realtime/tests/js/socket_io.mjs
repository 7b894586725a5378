// Drives the function with socket.io-client. Speaks with the test over lines: what it needs done it asks for on
// stdout ("do: ..") and waits for "done" on stdin. Ends with 0 if everything was as it should be.
//
//   node socket_io.mjs '{"url": .., "transports": [..], "chat": .., "ann": {"id", "token"}, "bob": .., "eve": ..}'

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const { url, transports, chat, ann, bob, eve } = JSON.parse(process.argv[2]);
const PATIENCE_MS = 15_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (what) => {
  console.log(`do: ${what}`);
  const { value } = await answers.next();
  assert.equal(value, "done");
};

const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** A socket that keeps what it is sent until someone asks for it, so that no event is missed between two waits. */
class Client {
  constructor(namespace, auth, options = {}) {
    this.seen = [];
    this.waiting = [];
    this.socket = io(url + namespace, { auth, transports, forceNew: true, reconnectionDelay: 50, ...options });
    this.socket.onAny((event, data) => {
      if (data?.eventId) this.lastEventId = data.eventId;
      this.seen.push([event, data]);
      this.waiting.splice(0).forEach((wake) => wake());
    });
    for (const own of ["disconnect", "connect_error"]) {
      this.socket.on(own, (reason) => {
        this.seen.push([own, reason]);
        this.waiting.splice(0).forEach((wake) => wake());
      });
    }
  }

  /** The next event with this name; others before it stay. */
  async next(event) {
    const wait = async () => {
      for (;;) {
        const at = this.seen.findIndex(([name]) => name === event);
        if (at >= 0) return this.seen.splice(at, 1)[0][1];
        await new Promise((wake) => this.waiting.push(wake));
      }
    };
    return within(wait(), `${event}; seen: ${JSON.stringify(this.seen)}`);
  }

  async enter() {
    const hello = await this.next("connected");
    this.lastEventId ??= hello.lastEventId;
    return hello;
  }

  emit(event, data) {
    this.socket.emit(event, data);
  }

  acked(event, data) {
    return within(this.socket.emitWithAck(event, data), `the acknowledgement of ${event}`);
  }

  leave() {
    this.socket.disconnect();
    return this.lastEventId;
  }
}

async function strangersStayOutside() {
  for (const auth of [undefined, {}, { token: "nonsense" }, { token: 7 }]) {
    for (const namespace of ["/", "/notifications"]) {
      const stranger = new Client(namespace, auth, { reconnection: false });
      const error = await stranger.next("connect_error");
      assert.match(error.message, /^UNAUTHORIZED: /);
      stranger.leave();
    }
  }
}

async function tokensComeInSeveralWays() {
  for (const options of [
    { query: { token: ann.token } },
    { extraHeaders: { Authorization: `Bearer ${ann.token}` } },
  ]) {
    const client = new Client("/", {}, options);
    assert.equal((await client.enter()).userId, ann.id);
    client.leave();
  }
}

async function people() {
  const [atAnn, atBob, atEve] = [ann, bob, eve].map(({ token }) => new Client("/", { token }));
  await Promise.all([atAnn.enter(), atBob.enter(), atEve.enter()]);
  return { atAnn, atBob, atEve };
}

async function chatting({ atAnn, atBob, atEve }) {
  atAnn.emit("join-chat", { chatId: chat, userId: eve.id });
  assert.equal((await atBob.next("user-joined")).userId, ann.id);
  const own = await atAnn.next("user-joined");
  assert.deepEqual(new Set(own.connectedUsers.map(({ userId }) => userId)), new Set([ann.id, bob.id]));

  // The sender is the token's user, whatever the frame says.
  const sent = await atAnn.acked("send-message", { chatId: chat, content: "Hello there!", type: "text", senderId: bob.id });
  assert.equal(sent.success, true);
  const message = await atBob.next("message-received");
  assert.equal(message.content, "Hello there!");
  assert.equal(message.type, "text");
  assert.deepEqual(message.sender, { id: ann.id, name: "Dr. Ann" });
  assert.equal(message.id, sent.data.message.id);
  assert.ok(message.eventId);
  assert.equal((await atAnn.next("message-received")).id, message.id);

  atBob.emit("typing", { chatId: chat, userId: ann.id, isTyping: true });
  assert.deepEqual(await atAnn.next("user-typing"), { chatId: chat, userId: bob.id, isTyping: true });

  assert.deepEqual(await atBob.acked("message-delivered", { messageId: message.id }), { success: true });
  atBob.emit("message-read", { chatId: chat, messageId: message.id, userId: ann.id });
  const read = await atAnn.next("message-read");
  assert.deepEqual([read.messageId, read.readBy, read.chatId], [message.id, bob.id, chat]);
  assert.ok(!Number.isNaN(Date.parse(read.readAt)));

  const refused = await atEve.acked("send-message", { chatId: chat, content: "let me in" });
  assert.deepEqual([refused.success, refused.error.code], [false, "NOT_FOUND"]);
  assert.equal((await atEve.next("error")).code, "NOT_FOUND");
  atEve.emit("nonsense", { a: 1 });
  assert.equal((await atEve.next("error")).code, "INVALID_REQUEST");
  atEve.emit("send-message");
  assert.equal((await atEve.next("error")).code, "VALIDATION_ERROR");
  assert.deepEqual(atEve.seen.map(([event]) => event), []);

  // Packets are served in their order.
  for (let n = 0; n < 10; n++) atAnn.emit("send-message", { chatId: chat, content: `n${n}` });
  for (let n = 0; n < 10; n++) assert.equal((await atBob.next("message-received")).content, `n${n}`);
}

async function resuming({ atAnn, atBob }) {
  const last = atBob.leave();
  for (let n = 0; n < 5; n++) await atAnn.acked("send-message", { chatId: chat, content: `missed ${n}` });
  // The inbox may still be on its way: what is not there at once comes live.
  const back = new Client("/", { token: bob.token, lastEventId: last });
  await back.enter();
  for (let n = 0; n < 5; n++) assert.equal((await back.next("message-received")).content, `missed ${n}`);
  await back.next("resumed");
  await atAnn.acked("send-message", { chatId: chat, content: "live" });
  assert.equal((await back.next("message-received")).content, "live");
  assert.ok(!back.seen.some(([event]) => event === "message-received"));
  const foreign = new Client("/", { token: bob.token, lastEventId: atAnn.lastEventId });
  assert.ok((await foreign.next("resync")).lastEventId);
  foreign.leave();
  return back;
}

async function notifications() {
  const client = new Client("/notifications", { token: bob.token, userId: ann.id });
  const hello = await client.enter();
  assert.equal(hello.message, "Connected to notifications");
  assert.equal(hello.userId, bob.id);
  await ask("notify");
  const notification = await client.next("notification");
  assert.deepEqual([notification.type, notification.title, notification.body], ["message", "New message", "Hello"]);
  const ack = { notificationId: notification.id };
  assert.deepEqual(await client.acked("notification:acknowledge", ack), { success: true });
  assert.deepEqual(await client.acked("notification:acknowledge", ack), { success: true });
  const unknown = await client.acked("notification:acknowledge", { notificationId: "unknown" });
  assert.equal(unknown.error.code, "NOT_FOUND");
  assert.equal((await client.next("error")).code, "NOT_FOUND");
  assert.deepEqual(client.seen.map(([event]) => event), []);
  const again = new Client("/notifications", { token: bob.token, lastEventId: hello.lastEventId });
  assert.equal((await again.next("notification")).id, notification.id);
  again.leave();
  client.leave();
}

async function bothNamespacesOnOneTransport() {
  const auth = { token: bob.token };
  const chats = new Client("/", auth, { forceNew: false });
  const notices = new Client("/notifications", auth, { forceNew: false });
  await Promise.all([chats.enter(), notices.enter()]);
  await ask("notify");
  assert.equal((await notices.next("notification")).title, "New message");
  assert.deepEqual(chats.seen.map(([event]) => event), []);
  chats.leave();
  notices.leave();
}

async function ending({ atAnn, atEve }, atBob) {
  await ask("end eve's session");
  assert.equal((await atEve.next("error")).code, "UNAUTHORIZED");
  // A client does not come back by itself from this.
  assert.equal(await atEve.next("disconnect"), "io server disconnect");

  await ask("stop");
  for (const client of [atAnn, atBob]) {
    // But from this it does.
    assert.ok(["transport close", "transport error"].includes(await client.next("disconnect")));
    client.leave();
  }
}

await strangersStayOutside();
await tokensComeInSeveralWays();
const here = await people();
await chatting(here);
const atBob = await resuming(here);
await notifications();
await bothNamespacesOnOneTransport();
await ending(here, atBob);
process.exit(0);
