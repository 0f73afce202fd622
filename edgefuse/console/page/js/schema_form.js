// Fields for the arguments of a command, from their JSON schema.

import { h } from "./dom.js";

/**
 * @typedef {object} Schema As far as commands use it.
 * @property {string} [type]
 * @property {string} [description]
 * @property {any} [default]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [maxLength]
 * @property {string} [pattern]
 * @property {any[]} [enum]
 * @property {Schema[]} [anyOf]
 * @property {Record<string, Schema>} [properties]
 * @property {string[]} [required]
 *
 * @typedef {{element: any, read: () => Record<string, any>}} Fields
 */

/**
 * @param {Schema} schema Of an object.
 * @param {Record<string, [string, string][]>} choices Values and what they are called, for properties that have such.
 * @returns {Fields}
 */
export function makeFields(schema, choices) {
  const made = Object.entries(schema.properties ?? {}).map(([name, each]) => ({
    name,
    ...makeField(name, each, choices[name]),
  }));
  return {
    element: h(
      "div",
      { class: "fields" },
      made.map(({ element }) => element),
    ),
    read: () =>
      Object.fromEntries(made.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== undefined)),
  };
}

/** @param {string} name @param {Schema} schema @param {[string, string][]} [choices] */
function makeField(name, schema, choices) {
  const kind = schema.anyOf?.find((each) => each.type !== "null") ?? schema;
  const isNullable = Boolean(schema.anyOf?.some((each) => each.type === "null"));
  const isNumber = kind.type === "integer" || kind.type === "number";
  const start = schema.default ?? "";
  const options = choices ?? kind.enum?.map((each) => [String(each), String(each)]);
  const field = options
    ? h(
        "select",
        { id: `arg-${name}` },
        isNullable && h("option", { value: "" }, "none"),
        options.map(([value, text]) => h("option", { value }, text)),
      )
    : h("input", {
        id: `arg-${name}`,
        type: isNumber ? "number" : "text",
        value: start,
        min: kind.minimum,
        max: kind.maximum,
        maxlength: kind.maxLength,
        required: isNumber && !isNullable,
        autocomplete: "off",
      });
  const text = name.replace(/_s$/, ", seconds").replaceAll("_", " ");
  const hint = isNullable && !options ? "Empty: none." : (schema.description ?? "");
  return {
    element: h("p", {}, h("label", { for: `arg-${name}` }, text), field, hint && h("small", { class: "quiet" }, hint)),
    read: () => {
      if (field.value === "" && isNullable) return null;
      if (field.value === "" && isNumber) return undefined;
      return isNumber ? Number(field.value) : field.value;
    },
  };
}
