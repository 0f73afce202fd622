// Asking the server; every refusal becomes an ApiError with the server's own words.

const LOST = "the console does not answer; is `edgefuse fleet serve --console` or `edgefuse up` still running?";

/** @typedef {{role: "viewer" | "operator", expires_s: number, csrf: string}} Session */

/** @type {Session | null} */
let session = null;
/** @type {() => void} */
let onLogout = () => {};

export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 where there was no answer */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {() => void} action What to do when the server knows this browser no longer. */
export function setLogoutAction(action) {
  onLogout = action;
}

export const isOperator = () => session?.role === "operator";
export const currentSession = () => session;

/** Trade a token for a session. @param {string} token */
export async function login(token) {
  session = await ask("POST", "/api/login", { token });
}

/** Go on with the session that this browser has; tells whether there is one. */
export async function resume() {
  try {
    session = await askAsMember("GET", "/api/me");
  } catch (e) {
    if (!(e instanceof ApiError) || e.status !== 401) throw e;
  }
  return session !== null;
}

export async function logout() {
  await ask("POST", "/api/logout");
  session = null;
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export const get = (path, signal) => askAsMember("GET", path, undefined, signal);

/** @param {"POST" | "DELETE"} method @param {string} path @param {object} body @returns {Promise<any>} */
export const send = (method, path, body) => askAsMember(method, path, body);

/** Name a device's own address in the API. @param {string} device @param {string} [rest] */
export const devicePath = (device, rest = "") => `/api/devices/${encodeURIComponent(device)}${rest}`;

async function askAsMember(method, path, body, signal) {
  try {
    return await ask(method, path, body, signal);
  } catch (e) {
    if (e instanceof ApiError && e.status === 401 && session) {
      session = null;
      onLogout();
    }
    throw e;
  }
}

async function ask(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session) headers["X-CSRF"] = session.csrf;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new ApiError(LOST, 0);
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  throw new ApiError(await readReason(response), response.status);
}

async function readReason(response) {
  const wait = response.headers.get("Retry-After");
  const hint = wait ? ` (again in ${wait} s)` : "";
  try {
    return String((await response.json()).error) + hint;
  } catch {
    return `the console answered ${response.status} ${response.statusText}${hint}`;
  }
}
