// A standing ActivityPub peer built on Fedify, for federation tests.
//
//   node peer.mjs --port 3001                         http://127.0.0.1:3001
//   node peer.mjs --origin https://a.test --host 127.0.0.2 --port 443 \
//        --tls-cert a.test.crt --tls-key a.test.key --control-port 3001
//        (with NODE_EXTRA_CA_CERTS=ca.crt, and 127.0.0.2 a.test in /etc/hosts)
//
// It federates with plain HTTP and loopback addresses, keeps all its state in
// memory, and is driven and inspected through JSON endpoints under /_control/.
// Needs @fedify/fedify 2.3.6, pinned in package-lock.json, and node >= 22 (20 runs this too).

import { parseArgs } from "node:util";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { readFileSync, writeFileSync, existsSync, appendFileSync } from "node:fs";
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import {
  createExponentialBackoffPolicy, createFederation, exportJwk,
  generateCryptoKeyPair, hasProofLike, hasSignatureLike, importJwk,
  InProcessMessageQueue, MemoryKvStore, ParallelMessageQueue, signJsonLd,
  signObject, signRequest, verifyJsonLd, verifyObject, verifyRequestDetailed,
} from "@fedify/fedify";
import {
  Accept, Activity, Announce, Block, Create, Delete, Endpoints, Flag, Follow,
  Hashtag, isActor, Like, Mention, Move, Note, Person, PUBLIC_COLLECTION,
  Reject, Service, Tombstone, Undo, Update,
} from "@fedify/vocab";
import { configure, getConsoleSink } from "@logtape/logtape";
import { Temporal } from "@js-temporal/polyfill"; // no global one before node 26

globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node}` }; // node 20

const { values: opt } = parseArgs({
  options: {
    port: { type: "string", default: "3001" },
    host: { type: "string", default: "127.0.0.1" },
    origin: { type: "string" }, // default http://HOST:PORT
    "handle-host": { type: "string" }, // split-domain WebFinger
    actors: { type: "string", default: "alice" },
    "first-knock": { type: "string", default: "rfc9421" }, // or cavage
    manual: { type: "boolean", default: false }, // do not auto-accept Follow
    "authorized-fetch": { type: "boolean", default: false },
    "no-ed25519": { type: "boolean", default: false }, // no integrity proofs
    "no-rsa": { type: "boolean", default: false },
    "no-detail": { type: "boolean", default: false }, // skip per-layer checks
    challenge: { type: "boolean", default: false }, // Accept-Signature on 401
    queue: { type: "string", default: "memory" }, // or none
    "retry-ms": { type: "string", default: "500" },
    "retries": { type: "string", default: "8" },
    keys: { type: "string" }, // file that keeps the key pairs across restarts
    log: { type: "string" }, // JSON lines of what was received
    "control-port": { type: "string" }, // /_control/ in plain HTTP too (with TLS)
    "tls-cert": { type: "string" },
    "tls-key": { type: "string" },
    verbose: { type: "boolean", default: false },
  },
});
const port = Number(opt.port);
const origin = new URL(opt.origin ?? `http://${opt.host}:${port}`).origin;
const originUrl = new URL(origin);
const CAVAGE = "draft-cavage-http-signatures-12";
const spec = (name) => (name === "cavage" ? CAVAGE : "rfc9421");

await configure({
  sinks: { console: getConsoleSink() },
  loggers: [
    { category: "fedify", sinks: ["console"], lowestLevel: opt.verbose ? "debug" : "error" },
    { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "error" },
  ],
});

// ---------------------------------------------------------------- state

const settings = {
  autoAccept: !opt.manual,
  authorizedFetch: opt["authorized-fetch"],
  detail: !opt["no-detail"],
  inboxStatus: 0, // answer every inbox POST with this status instead
  inboxFailures: 0, // … for so many requests (0: for all)
  inboxDelayMs: 0,
  keep: 20000,
};
const users = new Map(); // identifier -> user
const received = []; // inbox POSTs, in order of arrival
const outbound = []; // HTTP requests made
const inbound = []; // HTTP requests answered (but not /_control/)
const sent = new Map(); // activity id -> { user, activity, recipients }
const remote = new Map(); // object id -> { state, json }: what inboxes said
const rawObjects = new Map(); // URL -> { status, json, type }: served as they are
let seq = 0;
const waiters = new Set();

const push = (list, item) => {
  list.push(item);
  if (list.length > settings.keep) list.splice(0, list.length - settings.keep);
};

async function makeKeys() {
  const pairs = [];
  if (!opt["no-rsa"]) { // (Fedify's own generator makes 4096 bits, slowly)
    pairs.push(await crypto.subtle.generateKey({
      name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256",
    }, true, ["sign", "verify"]));
  }
  if (!opt["no-ed25519"]) pairs.push(await generateCryptoKeyPair("Ed25519"));
  return pairs;
}

const keyFile = opt.keys && existsSync(opt.keys) ? JSON.parse(readFileSync(opt.keys, "utf8")) : {};
async function saveKeys() {
  if (!opt.keys) return;
  const all = {};
  for (const [name, u] of users) {
    all[name] = await Promise.all(u.keys.map(async (k) => ({
      publicKey: await exportJwk(k.publicKey), privateKey: await exportJwk(k.privateKey),
    })));
  }
  writeFileSync(opt.keys, JSON.stringify(all), { mode: 0o600 });
}

async function addUser(name, type = "Person") {
  const keys = keyFile[name]
    ? await Promise.all(keyFile[name].map(async (k) => ({
      publicKey: await importJwk(k.publicKey, "public"),
      privateKey: await importJwk(k.privateKey, "private"),
    })))
    : await makeKeys();
  const user = {
    name, type, keys, displayName: name[0].toUpperCase() + name.slice(1),
    summary: `<p>${name}, a Fedify test peer</p>`, published: Temporal.Now.instant(),
    followers: new Map(), following: new Map(), pending: new Map(),
    notes: new Map(), outbox: [], liked: [], movedTo: null, gone: false,
  };
  users.set(name, user);
  return user;
}
for (const name of opt.actors.split(",")) await addUser(name);
await saveKeys();

// ----------------------------------------------- outbound request journal

const realFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const req = input instanceof Request ? input : null;
  const headers = new Headers(init?.headers ?? req?.headers);
  const entry = {
    ts: Date.now(),
    method: (init?.method ?? req?.method ?? "GET").toUpperCase(),
    url: String(req ? req.url : input),
    signature: headers.has("signature-input") ? "rfc9421" : headers.has("signature") ? "cavage" : "none",
    accept: headers.get("accept"),
  };
  push(outbound, entry);
  const t = performance.now();
  try {
    const res = await realFetch(input, init);
    entry.status = res.status;
    return res;
  } catch (e) {
    entry.error = `${e}${e.cause ? ": " + e.cause : ""}`;
    throw e;
  } finally {
    entry.ms = Math.round(performance.now() - t);
  }
};

// ------------------------------------------------------------ federation

const deliveryErrors = [];
const federation = createFederation({
  kv: new MemoryKvStore(),
  // Only deliveries are queued: an inbox POST is answered after its listener ran.
  queue: opt.queue === "none" ? undefined : {
    outbox: new ParallelMessageQueue(
      new InProcessMessageQueue({ pollInterval: { milliseconds: 20 } }), 16),
    fanout: new InProcessMessageQueue({ pollInterval: { milliseconds: 20 } }),
  },
  origin: opt["handle-host"] ? { handleHost: opt["handle-host"], webOrigin: origin } : origin,
  allowPrivateAddress: true,
  firstKnock: spec(opt["first-knock"]),
  inboxChallengePolicy: opt.challenge ? { enabled: true } : undefined,
  circuitBreaker: false,
  outboxRetryPolicy: createExponentialBackoffPolicy({
    initialDelay: { milliseconds: Number(opt["retry-ms"]) },
    maxDelay: { seconds: 30 }, maxAttempts: Number(opt.retries),
  }),
  onOutboxError(error, activity) {
    push(deliveryErrors, {
      ts: Date.now(), id: activity?.id?.href, inbox: error.inbox?.href,
      status: error.statusCode, error: String(error).slice(0, 500),
    });
  },
  userAgent: { software: "fedify-peer/1", url: new URL(origin) },
});
const context = () => federation.createContext(originUrl, undefined);

federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
  software: { name: "fedify-peer", version: "1.0.0" },
  protocols: ["activitypub"],
  usage: { users: { total: users.size }, localPosts: 0, localComments: 0 },
}));

async function actorDocument(ctx, name) {
  const u = users.get(name);
  if (!u) return null;
  if (u.gone) return new Tombstone({ id: ctx.getActorUri(name) });
  const pairs = await ctx.getActorKeyPairs(name);
  return new (u.type === "Service" ? Service : Person)({
    id: ctx.getActorUri(name),
    preferredUsername: name,
    name: u.displayName,
    summary: u.summary,
    url: new URL(`/@${name}`, origin),
    published: u.published,
    manuallyApprovesFollowers: !settings.autoAccept,
    discoverable: true,
    indexable: true,
    inbox: ctx.getInboxUri(name),
    outbox: ctx.getOutboxUri(name),
    followers: ctx.getFollowersUri(name),
    following: ctx.getFollowingUri(name),
    liked: ctx.getLikedUri(name),
    endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
    publicKey: pairs.find((p) => p.publicKey.algorithm.name !== "Ed25519")?.cryptographicKey,
    assertionMethods: pairs.map((p) => p.multikey),
    aliases: u.aliases?.map((a) => new URL(a)) ?? [],
    successor: u.movedTo ? new URL(u.movedTo) : undefined,
  });
}
const authorized = async (ctx) => !settings.authorizedFetch || (await ctx.getSignedKeyOwner()) != null;

federation
  .setActorDispatcher("/users/{identifier}", actorDocument)
  .mapHandle((_ctx, username) => (users.has(username) ? username : null))
  .setKeyPairsDispatcher((_ctx, name) => users.get(name)?.keys ?? [])
  .authorize(authorized);

const PAGE = 20;
function collection(list) {
  return [
    (_ctx, name, cursor) => {
      const u = users.get(name);
      if (!u) return null;
      const items = list(u);
      if (cursor == null) return { items };
      const at = Number(cursor);
      return {
        items: items.slice(at, at + PAGE),
        nextCursor: at + PAGE < items.length ? String(at + PAGE) : null,
      };
    },
    (_ctx, name) => (users.has(name) ? list(users.get(name)).length : null),
    () => "0",
  ];
}
const paged = (setter, path, list) => {
  const [dispatch, count, first] = collection(list);
  setter.call(federation, path, dispatch).setCounter(count).setFirstCursor(first).authorize(authorized);
};
const publicActivities = (u) => u.outbox.filter((a) => a.public).map((a) => a.activity).reverse();
paged(federation.setOutboxDispatcher, "/users/{identifier}/outbox", publicActivities);
paged(federation.setFollowingDispatcher, "/users/{identifier}/following",
  (u) => [...u.following.keys()].map((id) => new URL(id)));
paged(federation.setLikedDispatcher, "/users/{identifier}/liked", (u) => u.liked.map((id) => new URL(id)));
{ // followers are delivery recipients too: without a cursor all of them
  const [dispatch, count, first] = collection((u) => [...u.followers.values()]);
  federation.setFollowersDispatcher("/users/{identifier}/followers",
    (ctx, name, cursor, base) => {
      const page = dispatch(ctx, name, cursor);
      if (page && base) page.items = page.items.filter((f) => f.id.href.startsWith(base.href));
      return page;
    }).setCounter(count).setFirstCursor(first).authorize(authorized);
}

federation.setObjectDispatcher(Note, "/users/{identifier}/notes/{id}", (_ctx, { identifier, id }) => {
  const n = users.get(identifier)?.notes.get(id);
  return n && !n.deleted ? n.note : null;
}).authorize(async (ctx, { identifier, id }) => {
  const n = users.get(identifier)?.notes.get(id);
  if (!n) return true;
  if (n.visibility === "public" || n.visibility === "unlisted") return authorized(ctx);
  const who = (await ctx.getSignedKeyOwner())?.id?.href;
  if (who == null) return false;
  return n.readers.has(who) || (n.visibility === "followers" && users.get(identifier).followers.has(who));
});

// ----------------------------------------------------------------- inbox

const current = new AsyncLocalStorage();
const href = (x) => (x == null ? null : x.href);

// An embedded post as Fedify's own types read it.
async function asRead(post) {
  if (post == null) return null;
  const out = { type: post.constructor.name, tags: [], attachments: [], quote: href(post.quoteUrl) };
  for await (const tag of post.getTags()) {
    const icon = tag.getIcon ? await tag.getIcon() : null;
    out.tags.push({ type: tag.constructor.name, name: String(tag.name), href: href(tag.href), icon: href(icon?.url) });
  }
  for await (const one of post.getAttachments()) {
    out.attachments.push({ type: one.constructor.name, url: href(one.url), mediaType: one.mediaType, name: String(one.name), width: one.width, height: one.height });
  }
  return out;
}

async function handle(ctx, activity) {
  const rec = current.getStore();
  if (rec) rec.dispatched = true;
  const actorId = activity.actorId?.href;
  // The embedded object as it was written: Fedify's getters would fetch one that
  // is of another origin than the activity.
  const raw = rec?.json?.object;
  const inner = typeof raw === "string" ? { id: raw }
    : { id: raw?.id, type: raw?.type, object: raw?.object?.id ?? raw?.object };
  if (activity instanceof Follow) {
    const parsed = ctx.parseUri(activity.objectId);
    if (parsed?.type !== "actor" || !users.has(parsed.identifier)) return;
    const user = users.get(parsed.identifier);
    const actor = await activity.getActor({ ...ctx, suppressError: true });
    if (!actor?.inboxId) return;
    const follower = { id: actor.id, inboxId: actor.inboxId, endpoints: actor.endpoints };
    user.pending.set(actorId, { activity, follower });
    if (settings.autoAccept) await answerFollow(user, actorId, true);
  } else if (activity instanceof Accept || activity instanceof Reject) {
    for (const user of users.values()) {
      const f = user.following.get(actorId);
      if (!f || (f.id !== inner.id && inner.object !== actorId)) continue;
      if (activity instanceof Accept) f.state = "accepted";
      else user.following.delete(actorId);
    }
  } else if (activity instanceof Undo) {
    for (const user of users.values()) {
      const f = user.followers.get(actorId);
      const me = ctx.getActorUri(user.name).href;
      if (f && (f.followId === inner.id || (inner.type === "Follow" && inner.object === me))) user.followers.delete(actorId);
    }
    if (inner.id) remote.set(inner.id, { state: "undone", by: actorId });
  } else if (activity instanceof Create || activity instanceof Update) {
    if (inner.id) remote.set(inner.id, { state: activity instanceof Create ? "created" : "updated", by: actorId, json: raw });
    if (rec && typeof raw === "object") rec.read = await asRead(await activity.getObject(ctx));
  } else if (activity instanceof Delete) {
    const id = activity.objectId?.href;
    if (id) remote.set(id, { state: "deleted", by: actorId });
    if (id === actorId) for (const user of users.values()) { user.followers.delete(id); user.following.delete(id); }
  } else {
    if (activity.id) remote.set(activity.id.href, { state: "received", by: actorId, object: href(activity.objectId) });
  }
}
federation.setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: users.keys().next().value }))
  .on(Activity, handle)
  .onError((_ctx, error) => { const r = current.getStore(); if (r) r.error = String(error); })
  .onUnverifiedActivity((_ctx, _activity, reason) => {
    const r = current.getStore();
    if (r) r.reason = { type: reason.type, keyId: reason.keyId?.href,
      detail: reason.result?.status ?? (reason.result?.error && String(reason.result.error)) ?? reason.reason };
  });

// What each signature layer of one request says, each judged alone.
async function judge(req, json, authenticated) {
  const o = { documentLoader: authenticated ?? context().documentLoader, contextLoader: context().contextLoader };
  const h = req.headers;
  const out = { http: "absent", ld: "absent", proof: "absent" };
  if (h.has("signature-input") || h.has("signature")) {
    out.httpSpec = h.has("signature-input") ? "rfc9421" : "cavage";
    try {
      const v = await verifyRequestDetailed(req.clone(), o);
      if (!v.verified && v.reason.type === "keyFetchError" && !authenticated) {
        return judge(req, json, await loader(users.values().next().value)); // signed GETs then
      }
      out.http = v.verified ? "verified" : "invalid";
      out.keyId = (v.verified ? v.key.id : v.reason.keyId)?.href;
      if (!v.verified) out.httpReason = v.reason.type;
    } catch (e) { out.http = "error"; out.httpReason = String(e); }
  }
  if (json && hasSignatureLike(json)) {
    try { out.ld = await verifyJsonLd(json, o) ? "verified" : "invalid"; } catch (e) { out.ld = `error: ${e}`; }
  }
  if (json && hasProofLike(json)) {
    const { signature: _, ...rest } = json;
    try { out.proof = await verifyObject(Activity, rest, o) ? "verified" : "invalid"; } catch (e) { out.proof = `error: ${e}`; }
  }
  return out;
}

async function inboxPost(req, body, who) {
  if (settings.inboxDelayMs) await new Promise((r) => setTimeout(r, settings.inboxDelayMs));
  let json = null;
  try { json = JSON.parse(body.toString("utf8")); } catch { /* recorded as null */ }
  const rec = {
    n: ++seq, ts: Date.now(), inbox: who, type: json?.type, id: json?.id,
    actor: typeof json?.actor === "string" ? json.actor : json?.actor?.id,
    object: typeof json?.object === "string" ? json.object : json?.object?.id,
    objectType: json?.object?.type, accepted: false, json,
    headers: Object.fromEntries(req.headers),
  };
  if (settings.inboxStatus) {
    rec.status = settings.inboxStatus; rec.injected = true;
    if (settings.inboxFailures && --settings.inboxFailures === 0) settings.inboxStatus = 0;
    record(rec);
    return new Response("injected failure", { status: rec.status });
  }
  if (settings.detail) rec.verified = await judge(req.clone(), json);
  const res = await current.run(rec, () => federation.fetch(req, { contextData: undefined }));
  rec.status = res.status;
  rec.accepted = res.status >= 200 && res.status < 300;
  rec.duplicate = rec.accepted && !rec.dispatched; // idempotence: seen before
  record(rec);
  return res;
}
function record(rec) {
  push(received, rec);
  if (opt.log) appendFileSync(opt.log, JSON.stringify(rec) + "\n");
  for (const w of waiters) w();
}

// --------------------------------------------------------------- sending

const AS = "application/activity+json";
const newId = (user, kind) => new URL(`/users/${user.name}/${kind}/${randomUUID()}`, origin);

async function wire(activity) {
  return activity.toJsonLd({ format: "compact", contextLoader: context().contextLoader });
}
async function send(user, activity, recipients, o = {}) {
  sent.set(activity.id.href, { user, activity, recipients });
  rawObjects.set(activity.id.href, { status: 200, json: await wire(activity), private: !o.public });
  user.outbox.push({ activity, public: !!o.public });
  await deliver(user, activity, recipients, o);
  return activity.id.href;
}

async function deliver(user, activity, recipients, o = {}) {
  const opts = { preferSharedInbox: o.sharedInbox ?? true, fanout: "skip" };
  const all = new Map();
  for (const r of recipients) {
    if (r !== "followers") all.set(r.id.href, r);
    else if (!o.syncCollection) for (const f of user.followers.values()) all.set(f.id.href, f);
  }
  const from = { identifier: user.name };
  if (all.size) await context().sendActivity(from, [...all.values()], activity, opts);
  if (o.syncCollection && recipients.includes("followers")) { // FEP-8fcf header
    await context().sendActivity(from, "followers", activity, { ...opts, syncCollection: true });
  }
}

async function loader(user) { return context().getDocumentLoader({ identifier: user.name }); }

// A handle is looked up with our own origin's scheme: Fedify's lookup is https only.
async function finger(handle) {
  const acct = handle.replace(/^@/, "").replace(/^acct:/, "");
  const host = acct.split("@")[1];
  const scheme = handle.scheme ?? originUrl.protocol;
  const url = `${scheme}//${host}/.well-known/webfinger?resource=${encodeURIComponent("acct:" + acct)}`;
  const res = await fetch(url, { headers: { accept: "application/jrd+json" } });
  if (!res.ok) throw new Error(`WebFinger ${url}: ${res.status}`);
  const jrd = await res.json();
  const self = jrd.links?.find((l) => l.rel === "self" &&
    /^application\/(activity\+json|ld\+json)/.test(l.type ?? ""));
  if (!self) throw new Error(`WebFinger ${url}: no self link`);
  return { jrd, self: self.href };
}
async function lookup(user, what) {
  const isUrl = /^https?:/.test(what);
  const url = isUrl ? what : (await finger(what)).self;
  const obj = await context().lookupObject(url, { documentLoader: await loader(user) });
  if (obj == null) throw new Error(`not found: ${what}`);
  return obj;
}
async function actorOf(user, what) {
  const obj = await lookup(user, what);
  if (!isActor(obj)) throw new Error(`not an actor: ${what}`);
  return obj;
}
async function ownerOf(user, objectId) {
  const obj = await lookup(user, objectId);
  if (isActor(obj)) return obj;
  const who = obj.attributionId?.href;
  return who ? actorOf(user, who) : null;
}

async function answerFollow(user, actorId, yes) {
  const p = user.pending.get(actorId);
  if (!p) throw new Error(`no pending follow from ${actorId}`);
  user.pending.delete(actorId);
  if (yes) user.followers.set(actorId, { ...p.follower, followId: p.activity.id?.href });
  const Answer = yes ? Accept : Reject;
  return send(user, new Answer({
    id: newId(user, "activities"), actor: context().getActorUri(user.name),
    object: p.activity, to: p.activity.actorId,
  }), [p.follower], { sharedInbox: false });
}

function audience(user, visibility, extra) {
  const followers = context().getFollowersUri(user.name);
  const to = [...extra], cc = [];
  if (visibility === "public") { to.unshift(PUBLIC_COLLECTION); cc.push(followers); }
  else if (visibility === "unlisted") { to.unshift(followers); cc.push(PUBLIC_COLLECTION); }
  else if (visibility === "followers") to.unshift(followers);
  return { tos: to, ccs: cc };
}
const escape = (s) => s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

const actions = {
  async follow(user, b) {
    const actor = await actorOf(user, b.target);
    const id = newId(user, "activities");
    user.following.set(actor.id.href, { id: id.href, state: "pending" });
    await send(user, new Follow({
      id, actor: context().getActorUri(user.name), object: actor.id, to: actor.id,
    }), [actor], { sharedInbox: false });
    return { id: id.href, target: actor.id.href };
  },
  async unfollow(user, b) {
    const actor = await actorOf(user, b.target);
    const f = user.following.get(actor.id.href);
    if (!f) throw new Error("not following");
    user.following.delete(actor.id.href);
    return actions.undo(user, { id: f.id });
  },
  async undo(user, b) {
    const s = sent.get(b.id);
    if (!s) throw new Error(`never sent: ${b.id}`);
    const a = s.activity;
    if (a instanceof Like) user.liked = user.liked.filter((x) => x !== a.objectId?.href);
    const id = await send(user, new Undo({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: b.byId ? a.id : a, tos: a.toIds, ccs: a.ccIds,
    }), s.recipients);
    return { id };
  },
  async accept(user, b) { return { id: await answerFollow(user, (await actorOf(user, b.target)).id.href, true) }; },
  async reject(user, b) { return { id: await answerFollow(user, (await actorOf(user, b.target)).id.href, false) }; },
  async remove_follower(user, b) { // Reject after Accept
    const f = user.followers.get(b.target);
    if (!f) throw new Error("not a follower");
    user.followers.delete(b.target);
    return { id: await send(user, new Reject({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: new URL(f.followId), to: f.id,
    }), [f]) };
  },
  // {text, visibility?: public|unlisted|followers|direct, to?: [handle or URL],
  //  inReplyTo?, summary?, sensitive?, hashtags?: []}
  async post(user, b) {
    const visibility = b.visibility ?? "public";
    const named = await Promise.all((b.to ?? []).map((t) => actorOf(user, t)));
    const { tos, ccs } = audience(user, visibility, named.map((a) => a.id));
    const recipients = [...named];
    if (visibility !== "direct") recipients.push("followers");
    const tags = named.map((a) => new Mention({
      href: a.id, name: `@${a.preferredUsername}@${a.id.host}`,
    }));
    for (const t of b.hashtags ?? []) tags.push(new Hashtag({ name: `#${t}`, href: new URL(`/tags/${t}`, origin) }));
    if (b.inReplyTo && b.notifyParent !== false) {
      const owner = await ownerOf(user, b.inReplyTo);
      if (owner && !named.some((a) => a.id.href === owner.id.href)) { recipients.push(owner); ccs.push(owner.id); }
    }
    const id = b.id ? new URL(b.id) : newId(user, "notes");
    const note = new Note({
      id, attribution: context().getActorUri(user.name), content: b.html ?? `<p>${escape(b.text ?? "")}</p>`,
      url: id, published: Temporal.Now.instant(), tos, ccs, tags,
      replyTarget: b.inReplyTo ? new URL(b.inReplyTo) : undefined,
      summary: b.summary, sensitive: b.sensitive,
    });
    user.notes.set(id.pathname.split("/").pop(), {
      note, visibility, recipients, readers: new Set(named.map((a) => a.id.href)),
    });
    const activity = await send(user, new Create({
      id: new URL(`${id.href}#create`), actor: context().getActorUri(user.name), object: note,
      published: note.published, tos, ccs,
    }), recipients, { ...b, public: visibility === "public" || visibility === "unlisted" });
    return { id: activity, note: id.href };
  },
  async update(user, b) {
    const n = user.notes.get(b.id.split("/").pop());
    if (!n) throw new Error("no such note");
    n.note = n.note.clone({ content: `<p>${escape(b.text)}</p>`, updated: Temporal.Now.instant() });
    return { id: await send(user, new Update({
      id: new URL(`${b.id}#update-${randomUUID()}`), actor: context().getActorUri(user.name),
      object: n.note, tos: n.note.toIds, ccs: n.note.ccIds,
    }), n.recipients, { ...b, public: n.visibility === "public" }) };
  },
  async delete(user, b) {
    const n = user.notes.get(b.id.split("/").pop());
    if (!n) throw new Error("no such note");
    n.deleted = true;
    const tomb = new Tombstone({ id: new URL(b.id), deleted: Temporal.Now.instant() });
    rawObjects.set(b.id, { status: 410, json: await wire(tomb) });
    return { id: await send(user, new Delete({
      id: new URL(`${b.id}#delete`), actor: context().getActorUri(user.name),
      object: tomb, tos: n.note.toIds, ccs: n.note.ccIds,
    }), n.recipients, b) };
  },
  async like(user, b) {
    const owner = await ownerOf(user, b.object);
    user.liked.push(b.object);
    return { id: await send(user, new Like({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: new URL(b.object), to: owner.id,
    }), [owner]) };
  },
  async announce(user, b) {
    const owner = await ownerOf(user, b.object);
    return { id: await send(user, new Announce({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: new URL(b.object), to: PUBLIC_COLLECTION, published: Temporal.Now.instant(),
      ccs: [context().getFollowersUri(user.name), owner.id],
    }), [owner, "followers"], { ...b, public: true }) };
  },
  async block(user, b) {
    const a = await actorOf(user, b.target);
    user.followers.delete(a.id.href);
    return { id: await send(user, new Block({
      id: newId(user, "activities"), actor: context().getActorUri(user.name), object: a.id, to: a.id,
    }), [a]) };
  },
  async flag(user, b) {
    const a = await actorOf(user, b.target);
    return { id: await send(user, new Flag({
      id: newId(user, "activities"), actor: context().getActorUri(user.name), content: b.text ?? "report",
      objects: [a.id, ...(b.objects ?? []).map((x) => new URL(x))], to: a.id,
    }), [a]) };
  },
  async move(user, b) {
    const target = await actorOf(user, b.target);
    user.movedTo = target.id.href;
    return { id: await send(user, new Move({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: context().getActorUri(user.name), target: target.id, to: context().getFollowersUri(user.name),
    }), ["followers"]) };
  },
  async profile(user, b) {
    if (b.name != null) user.displayName = b.name;
    if (b.summary != null) user.summary = b.summary;
    return { id: await send(user, new Update({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: await actorDocument(context(), user.name), to: PUBLIC_COLLECTION,
    }), ["followers", ...await others(user, b)]) };
  },
  async delete_actor(user, b) {
    const id = await send(user, new Delete({
      id: newId(user, "activities"), actor: context().getActorUri(user.name),
      object: context().getActorUri(user.name), to: PUBLIC_COLLECTION,
    }), ["followers", ...await others(user, b)]);
    if (b.gone !== false) user.gone = true;
    return { id };
  },
  async rotate_keys(user) { user.keys = await makeKeys(); await saveKeys(); return {}; },
  async add_actor(_user, b) { await addUser(b.name, b.type); await saveKeys(); return { id: context().getActorUri(b.name).href }; },
  async lookup(user, b) {
    const what = b.handle ?? b.url;
    const jrd = /^https?:/.test(what) ? undefined : (await finger(what)).jrd;
    return { jrd, object: await wire(await lookup(user, what)) };
  },
  // Fedify's own WebFinger client (https only for acct:)
  async webfinger(_user, b) { return { jrd: await context().lookupWebFinger(b.resource) }; },
  async traverse(user, b) {
    const items = [];
    const o = { documentLoader: await loader(user) };
    const c = await context().lookupObject(b.url, o);
    if (c == null) throw new Error("not found");
    for await (const i of context().traverseCollection(c, o)) {
      items.push(i.id?.href); if (items.length >= (b.limit ?? 1000)) break;
    }
    return { type: c.constructor.name, total: c.totalItems, items };
  },
  async nodeinfo(_user, b) { return { nodeinfo: await context().lookupNodeInfo(b.url, { parse: "none" }) }; },
  // a GET, signed as the actor unless sign is "none"
  async fetch(user, b) {
    let req = new Request(b.url, { headers: { accept: b.accept ?? AS, ...(b.headers ?? {}) } });
    req = await sign(user, req, b.sign ?? "cavage");
    const res = await fetch(req, { redirect: b.redirect ?? "manual" });
    const text = await res.text();
    let json; try { json = JSON.parse(text); } catch { /* text it is */ }
    return { status: res.status, headers: Object.fromEntries(res.headers), ...(json ? { json } : { text: text.slice(0, 4000) }) };
  },
  // An activity written by the test: {inbox, activity, sign: cavage|rfc9421|none,
  // ld?, proof?, key?: a keyId to claim, tamper?: body sent in place of the signed
  // one, date?, contentType?, as?: actor whose key signs}
  async raw(user, b) {
    const ctx = context();
    const o = { contextLoader: ctx.contextLoader, documentLoader: ctx.documentLoader };
    const pairs = await ctx.getActorKeyPairs(user.name);
    let json = b.activity;
    if (b.proof) {
      const ed = pairs.find((p) => p.publicKey.algorithm.name === "Ed25519");
      json = await wire(await signObject(await Activity.fromJsonLd(json, o), ed.privateKey, ed.multikey.id, o));
    }
    if (b.ld) {
      const rsa = pairs.find((p) => p.publicKey.algorithm.name !== "Ed25519");
      json = await signJsonLd(json, rsa.privateKey, rsa.keyId, o);
    }
    const text = typeof json === "string" ? json : JSON.stringify(json);
    const headers = { "content-type": b.contentType ?? AS, ...(b.headers ?? {}) };
    if (b.date) headers.date = b.date;
    let req = new Request(b.inbox, { method: "POST", headers, body: text });
    req = await sign(user, req, b.sign ?? "cavage", b.key, b.signedAt);
    if (b.tamper != null) {
      req = new Request(req.url, { method: "POST", headers: req.headers,
        body: typeof b.tamper === "string" ? b.tamper : JSON.stringify(b.tamper) });
    }
    const res = await fetch(req, { redirect: "manual" });
    return { status: res.status, headers: Object.fromEntries(res.headers), text: (await res.text()).slice(0, 2000), sent: json };
  },
  // the same activity again, n times, from the outbox
  async resend(user, b) {
    const s = sent.get(b.id);
    if (!s) throw new Error("never sent");
    for (let i = 0; i < (b.times ?? 1); i++) await deliver(s.user, s.activity, s.recipients, b);
    return { id: b.id };
  },
  async serve(_user, b) { // any document, at any path of ours
    rawObjects.set(new URL(b.path, origin).href, { status: b.status ?? 200, json: b.json, type: b.contentType });
    return { url: new URL(b.path, origin).href };
  },
  async set(_user, b) { Object.assign(settings, b); return settings; },
  async reset() { for (const l of [received, outbound, inbound, deliveryErrors]) l.length = 0; remote.clear(); return {}; },
};
async function others(user, b) { return Promise.all((b.to ?? []).map((t) => actorOf(user, t))); }
async function sign(user, req, kind, keyId, at) {
  if (kind === "none") return req;
  const pair = (await context().getActorKeyPairs(user.name)).find((p) => p.publicKey.algorithm.name !== "Ed25519");
  return signRequest(req, pair.privateKey, keyId ? new URL(keyId) : pair.keyId, {
    spec: spec(kind), ...(at ? { currentTime: Temporal.Instant.from(at) } : {}),
  });
}

// --------------------------------------------------------------- control

const wanted = (q) => (r) =>
  (q.get("all") === "1" || r.accepted) &&
  ["type", "id", "actor", "object", "inbox"].every((k) => !q.has(k) || r[k] === q.get(k)) &&
  r.n > Number(q.get("after") ?? 0);
const plainUser = (u) => ({
  id: context().getActorUri(u.name).href, handle: `@${u.name}@${opt["handle-host"] ?? originUrl.host}`,
  inbox: context().getInboxUri(u.name).href, sharedInbox: context().getInboxUri().href,
  followers: [...u.followers.keys()], following: Object.fromEntries(u.following),
  pending: [...u.pending.keys()],
  notes: [...u.notes.values()].filter((n) => !n.deleted).map((n) => n.note.id.href),
});
const views = {
  health: () => ({ ok: true, origin, actors: [...users.keys()] }),
  received: (q) => {
    const hits = received.filter(wanted(q));
    return q.get("brief") === "1" ? hits.map(({ json: _j, headers: _h, ...r }) => r) : hits;
  },
  count: (q) => ({ count: received.filter(wanted(q)).length, seq }),
  // long poll: until `count` (1) records match, or 408 after `timeout` (10) s
  wait: async (q) => {
    const need = Number(q.get("count") ?? 1), end = Date.now() + 1000 * Number(q.get("timeout") ?? 10);
    for (;;) {
      const hits = received.filter(wanted(q));
      if (hits.length >= need) return hits;
      const left = end - Date.now();
      if (left <= 0) return null;
      await new Promise((done) => {
        const w = () => { waiters.delete(w); clearTimeout(t); done(); };
        const t = setTimeout(w, left);
        waiters.add(w);
      });
    }
  },
  state: () => Object.fromEntries([...users].map(([n, u]) => [n, plainUser(u)])),
  followers: (q) => [...(users.get(q.get("actor") ?? [...users.keys()][0])?.followers.keys() ?? [])],
  following: (q) => Object.fromEntries(users.get(q.get("actor") ?? [...users.keys()][0])?.following ?? []),
  objects: () => Object.fromEntries(remote),
  object: (q) => remote.get(q.get("id")) ?? null,
  outbound: () => outbound,
  inbound: () => inbound,
  errors: () => deliveryErrors,
  settings: () => settings,
};

async function control(req, body) {
  const url = new URL(req.url);
  const verb = url.pathname.slice("/_control/".length);
  const reply = (status, data) => Response.json(data, { status });
  try {
    if (req.method === "GET") {
      if (!views[verb]) return reply(404, { error: "no such view", views: Object.keys(views) });
      const data = await views[verb](url.searchParams);
      return verb === "wait" && data === null ? reply(408, { error: "timeout" }) : reply(200, data);
    }
    if (!actions[verb]) return reply(404, { error: "no such action", actions: Object.keys(actions) });
    const b = body.length ? JSON.parse(body.toString("utf8")) : {};
    const user = users.get(b.as ?? [...users.keys()][0]);
    if (!user) return reply(404, { error: `no actor ${b.as}` });
    return reply(200, await actions[verb](user, b));
  } catch (e) {
    return reply(500, { error: String(e), stack: e.stack });
  }
}

// ------------------------------------------------------------------ HTTP

async function route(req, body) {
  const url = new URL(req.url);
  if (url.pathname.startsWith("/_control/")) return control(req, body);
  push(inbound, {
    ts: Date.now(), method: req.method, path: url.pathname + url.search, accept: req.headers.get("accept"),
    agent: req.headers.get("user-agent"),
    signature: req.headers.has("signature-input") ? "rfc9421" : req.headers.has("signature") ? "cavage" : "none",
  });
  if (req.method === "POST") {
    const m = /^(?:\/users\/([^/]+))?\/inbox$/.exec(url.pathname);
    if (m) return inboxPost(req, body, m[1] ?? "shared");
  }
  if (req.method === "GET" || req.method === "HEAD") {
    const doc = rawObjects.get(origin + url.pathname + url.search);
    if (doc && !doc.private) {
      return new Response(JSON.stringify(doc.json), { status: doc.status, headers: { "content-type": doc.type ?? AS } });
    }
  }
  return federation.fetch(req, {
    contextData: undefined,
    onNotAcceptable: () => new Response("A page for people would be here.\n",
      { headers: { "content-type": "text/plain", vary: "Accept" } }),
  });
}

function listener(nodeReq, nodeRes) {
  const chunks = [];
  nodeReq.on("data", (c) => chunks.push(c));
  nodeReq.on("end", async () => {
    const body = Buffer.concat(chunks);
    try {
      const headers = new Headers();
      for (let i = 0; i < nodeReq.rawHeaders.length; i += 2) headers.append(nodeReq.rawHeaders[i], nodeReq.rawHeaders[i + 1]);
      // The scheme is that of our origin (a TLS proxy may stand before us), the
      // host that of the request: signatures cover both.
      const host = nodeReq.headers["x-forwarded-host"] ?? nodeReq.headers.host ?? originUrl.host;
      const req = new Request(`${originUrl.protocol}//${host}${nodeReq.url}`, {
        method: nodeReq.method, headers,
        body: ["GET", "HEAD"].includes(nodeReq.method) ? undefined : body,
      });
      const res = await route(req, body);
      nodeRes.writeHead(res.status, Object.fromEntries(res.headers));
      nodeRes.end(Buffer.from(await res.arrayBuffer()));
    } catch (e) {
      console.error(e);
      if (!nodeRes.headersSent) nodeRes.writeHead(500);
      nodeRes.end(String(e));
    }
  });
}

const tls = opt["tls-cert"] && { cert: readFileSync(opt["tls-cert"]), key: readFileSync(opt["tls-key"]) };
const server = tls ? createHttps(tls, listener) : createHttp(listener);
server.keepAliveTimeout = 65000;
if (opt["control-port"]) createHttp(listener).listen(Number(opt["control-port"]), opt.host);
server.listen(port, opt.host, () => {
  console.log(JSON.stringify({ ready: true, origin, listen: `${opt.host}:${port}`, tls: !!tls, actors: [...users.keys()] }));
});
for (const sig of ["SIGTERM", "SIGINT"]) process.on(sig, () => process.exit(0));
