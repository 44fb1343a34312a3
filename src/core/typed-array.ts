// Typed arrays told by what they are: those of another realm are instances of no class of this one.

/** How every typed array, of any realm, gives the name of its class. */
const name = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Float64Array.prototype),
  Symbol.toStringTag,
);

/** The class of a typed array of any realm, such as 'Float32Array'; undefined for all else. */
export function typedArrayName(value: unknown): unknown {
  return name?.get?.call(value);
}
