/** JSON Schema in the words that plugins need. `more` adds keywords. */

const typed = (type) => (description, more = {}) => ({ type, description, ...more });

export const string = typed("string");
export const integer = typed("integer");
export const number = typed("number");
export const boolean = typed("boolean");

/** Whatever JSON can say. */
export const any = (description) => ({ description });

/** One of these values. */
export const oneOf = (values, description) => ({ enum: values, description });

/** A list. */
export const array = (items, description, more = {}) => ({
  type: "array",
  items,
  description,
  ...more,
});

/** Marks a property that may be left out; `value` is what it then is. */
export const optional = (schema, value) => ({
  optional: true,
  schema: value === undefined ? schema : { ...schema, default: value },
});

/** An object that has these properties and no others. */
export function object(properties, description) {
  const result = { type: "object", properties: {}, required: [], additionalProperties: false };
  for (const [name, property] of Object.entries(properties)) {
    result.properties[name] = property.optional === true ? property.schema : property;
    if (property.optional !== true) result.required.push(name);
  }
  return description === undefined ? result : { ...result, description };
}
