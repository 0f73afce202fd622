// Elements made from data. Texts become text nodes, never markup: what devices say is hostile.

const SVG = "http://www.w3.org/2000/svg";
/** What elements show, as JSON. @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * @typedef {Node | string | number | null | undefined | false | any[]} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Properties
 */

/**
 * Make an HTML element; a property that begins with `on` listens, any other is an attribute.
 * @param {string} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/**
 * Make an SVG element.
 * @param {string} tag
 * @param {Properties} [properties]
 * @param {...Child} children
 * @returns {any}
 */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/**
 * Put children in place of those that an element has.
 * @param {Element} element
 * @param {...Child} children
 */
export function replace(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Tell whether an element is to be drawn anew, because what it shows is another value than the last time.
 * @param {Element} element
 * @param {any} value As JSON has it.
 */
export function isNews(element, value) {
  const key = JSON.stringify(value);
  if (shown.get(element) === key) return false;
  shown.set(element, key);
  return true;
}

/**
 * Set a text only where it is another one, so that nothing is laid out anew.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Tell people who do not see the page what has happened.
 * @param {string} text
 */
export function say(text) {
  setText(/** @type {Element} */ (document.getElementById("said")), text);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  const there = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return there.map((child) => (child instanceof Node ? child : String(child)));
}
